/**
 * Input of a request to typed values.
 */
import type { Context } from 'hono'
import { Failure } from 'rowpass'
import * as z from 'zod'

/** Bytes of a request body; the largest body the API takes is far smaller. */
export const maxBodyBytes = 16 * 1024

/** A uuid in the form that PostgreSQL prints, of any version. */
export const id = z.guid().toLowerCase()

/** Text for people: 1–200 characters after trimming, no control characters. */
export const name = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'Control characters are not allowed')

/** A page of a list: `after` is the `next` of the page before. */
export const page = z.object({ limit: z.coerce.number().int().min(1).max(100).default(50), after: id.optional() })

/**
 * Reads the JSON body.
 *
 * @throws Failure `content_type_unknown`, `request_invalid` when it is no JSON, `input_invalid` with the places
 */
export async function parseBody<T>(c: Context, schema: z.ZodType<T>): Promise<T> {
  if (!/^application\/(json|[\w.-]+\+json)\s*(;|$)/i.test(c.req.header('Content-Type') ?? '')) {
    throw new Failure('content_type_unknown')
  }
  const body: unknown = await c.req.json().catch((cause: unknown) => {
    throw new Failure('request_invalid', { detail: 'The body is not JSON.', cause })
  })
  return parse(schema, body)
}

/**
 * Reads `?limit=` (1–100, default 50) and `?after=`. Other parameters are ignored.
 *
 * @throws Failure `input_invalid`
 */
export function parsePage(c: Context): z.output<typeof page> {
  return parseQuery(c, page)
}

/**
 * Reads the query string.
 *
 * @throws Failure `input_invalid` with the places
 */
export function parseQuery<T>(c: Context, schema: z.ZodType<T>): T {
  return parse(schema, c.req.query())
}

/**
 * Reads the `:id` of the path.
 *
 * @throws Failure `not_found` for what is no uuid: no row can have it
 */
export function parseId(c: Context): string {
  const parsed = id.safeParse(c.req.param('id'))
  if (!parsed.success) throw new Failure('not_found')
  return parsed.data
}

function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value)
  if (!parsed.success) throw new Failure('input_invalid', { cause: parsed.error })
  return parsed.data
}
