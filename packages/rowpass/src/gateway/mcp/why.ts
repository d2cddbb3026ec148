/**
 * `why`: what becomes of a statement, and what to do where it is refused, in words for whoever writes the next one. It knows
 * what this identity could find out by sending the statement, and nothing else.
 */
import * as z from 'zod'
import { adviceOn, type ErrorBody } from './refusal.ts'
import { statementInput, type Tool, type ToolSettings, toResult } from './tool.ts'

const input = z.strictObject(statementInput)

const output = z.object({
  outcome: z.enum(['runs', 'refused by the gateway', 'refused by PostgreSQL']),
  rows: z.int().optional().describe('rows that it returns or changes for this identity; nothing was changed'),
  code: z.string().optional().describe('SQLSTATE of the refusal'),
  reason: z.string(),
  instead: z.string().describe('what to do now'),
})

/** What there is to say where a statement runs and finds nothing. */
const noRows =
  'No row that this identity may see or change fits. Rows that the policies hide look the same as rows that are not there.'

/** Makes it. */
export function createWhy({ mcpMaxRows, mcpMaxBytes }: ToolSettings): Tool<z.infer<typeof input>> {
  const bounds = { rows: mcpMaxRows, bytes: mcpMaxBytes, stops: true }
  return {
    input,
    output,
    about: {
      name: 'why',
      title: 'Understand a refusal',
      description:
        'Tries a statement as this identity, rolls it back, and explains why it is refused or finds no rows, and what to do ' +
        'instead. It tells nothing of rows that the policies hide. A sequence may move on.',
      annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    },
    async call(statement, { run }) {
      // Whether it reads is for PostgreSQL to say: first where nothing can be written.
      const read = await run(statement, { readOnly: true, bounds })
      const writes = !read.succeeded && read.body.code === '25006'
      const ran = writes
        ? await run(statement, { readOnly: false, bounds: { ...bounds, stops: false }, ending: 'rollback' })
        : read
      const { answered, body, truncated } = ran
      if (!ran.succeeded) return { answered, result: toResult(explain(body, answered.ending.outcome === 'postgres')) }
      const rows = Number(body.rowCount ?? 0)
      const more = truncated ? ` There are more than these ${rows}.` : ''
      const reason = rows === 0 ? noRows : `It runs.${more}`
      const instead = rows === 0 ? 'Check the values of its conditions, and "describe" for the policies.' : use(writes)
      return { answered, result: toResult({ outcome: 'runs', rows, reason, instead }) }
    },
  }
}

const use = (writes: boolean) => `Send it with "${writes ? 'change' : 'query'}".`

function explain(error: ErrorBody, byPostgres: boolean): Record<string, unknown> {
  const detail = error.detail ? ` ${error.detail}.` : ''
  return {
    outcome: byPostgres ? 'refused by PostgreSQL' : 'refused by the gateway',
    code: error.code,
    reason: `${error.message}.${detail}`,
    instead: adviceOn(error),
  }
}
