/**
 * Asks the API, and holds its answers against its OpenAPI document.
 */
import { Ajv2020 } from 'ajv/dist/2020.js'
import { app } from '../src/app.ts'
import type { Bindings } from '../src/env.ts'
import { describeApi } from '../src/openapi.ts'

interface Document {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { responses: Record<string, { content?: object }> }>>>
  >
}

const document = describeApi('http://127.0.0.1', true) as Document
const ajv = new Ajv2020({ strict: false, validateFormats: false, validateSchema: false, allErrors: true })
ajv.addSchema(document, 'api')

/** The part of the API that the document describes; the rest is the files of the page, and the document itself. */
export const isDescribed = (path: string): boolean => /^\/(api|\.well-known|demo)(\/|$)/.test(path)

/** Asks the app, in this process. Every test of the API asks it here. @throws Error as {@link conform} */
export async function askApp(path: string, init: RequestInit | undefined, bindings: Bindings): Promise<Response> {
  return conform(path, init, await app.request(path, init, bindings))
}

/**
 * Returns an answer that the document foresees: path, method, status, content type and body.
 *
 * @throws Error that says what it does not foresee, and where to write it down
 */
export async function conform(path: string, init: RequestInit | undefined, response: Response): Promise<Response> {
  const { pathname } = new URL(path, 'http://127.0.0.1')
  const method = (init?.method ?? 'GET').toLowerCase()
  if (!isDescribed(pathname)) return response
  const template = Object.keys(document.paths).find((each) => toPattern(each).test(pathname))
  const operation = template === undefined ? undefined : document.paths[template]?.[method]
  const place = `${method.toUpperCase()} ${template ?? pathname} answers ${response.status}`
  if (template === undefined || operation === undefined) {
    const { code } = (await response.clone().json()) as { code?: string }
    if (code === 'path_unknown' || code === 'host_unknown') return response
    throw new Error(`${place}, and is not in demo/src/openapi.ts: describe it there`)
  }
  const foreseen = operation.responses[response.status]
  if (foreseen === undefined) throw new Error(`${place}, a status that demo/src/openapi.ts does not foresee there`)
  const text = await response.clone().text()
  if (text === '') return response
  const contentType = response.headers.get('Content-Type')?.split(';')[0] ?? ''
  if (foreseen.content === undefined || !Object.hasOwn(foreseen.content, contentType)) {
    throw new Error(`${place} as ${contentType}, which demo/src/openapi.ts does not foresee there`)
  }
  const parts = ['paths', template, method, 'responses', response.status, 'content', contentType, 'schema']
  const pointer = parts
    .map((part) => encodeURIComponent(String(part).replaceAll('~', '~0').replaceAll('/', '~1')))
    .join('/')
  const reference = `api#/${pointer}`
  const validate = ajv.getSchema(reference) ?? ajv.compile({ $ref: reference })
  if (validate(JSON.parse(text))) return response
  throw new Error(`${place}, otherwise than demo/src/openapi.ts says: ${ajv.errorsText(validate.errors)} in ${text}`)
}

function toPattern(template: string): RegExp {
  return new RegExp(`^${template.replaceAll('.', '\\.').replace(/\{\w+\}/, '[^/]+')}$`)
}
