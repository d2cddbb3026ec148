/**
 * `change`: a statement that changes rows, twice: first it is tried and rolled back, then, confirmed, it is kept if it
 * changes as many rows as it was confirmed for.
 */
import * as z from 'zod'
import { Failure } from '../../errors.ts'
import type { Allowed } from '../../statement/classify.ts'
import { confirmationSeconds, createConfirmations } from './confirmation.ts'
import { toRefusal } from './refusal.ts'
import { type Guest, type Ran, statementInput, type Tool, type ToolSettings, toResult } from './tool.ts'

const input = z.strictObject({
  ...statementInput,
  confirmation: z.string().max(200).optional().describe('of the dry run of this same statement; without it: a dry run'),
})

const output = z.object({
  committed: z.boolean().describe('false: nothing was changed yet'),
  command: z.string().describe('INSERT, UPDATE, DELETE or MERGE'),
  changed: z.int().describe('rows that the statement changes, without those of triggers and cascades'),
  columns: z.array(z.string()).describe('of RETURNING'),
  rows: z.array(z.array(z.unknown())).describe('of RETURNING'),
  truncated: z.boolean().describe('RETURNING gave more rows than these'),
  confirmation: z.string().optional().describe('send it with the same sql and params to make the change'),
  expiresInSeconds: z.int().optional(),
})

/** Makes it. */
export function createChange(settings: ToolSettings): Tool<z.infer<typeof input>> {
  const { mcpMaxRows, mcpMaxBytes, mcpMaxChanges, sealKeys } = settings
  const confirmations = createConfirmations(sealKeys)
  const bounds = { rows: mcpMaxRows, bytes: mcpMaxBytes, stops: false }
  return {
    input,
    output,
    about: {
      name: 'change',
      title: 'Change rows',
      description:
        'Runs one INSERT, UPDATE, DELETE or MERGE of PostgreSQL as this identity. The first call is a dry run: it says what ' +
        `would change, is rolled back, and gives a "confirmation" that is good for ${confirmationSeconds} seconds, once. Show ` +
        'that to the person; then send the same sql and params with it. It changes at most ' +
        `${mcpMaxChanges} rows, and only as many as the dry run said. Add RETURNING to see the rows.`,
      annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
    },
    allows: ({ turn }) => turn.caller.narrowing === undefined || turn.caller.narrowing.access === 'write',
    async call({ sql, params = [], confirmation }, { guest, run }) {
      const confirmed = { sql, params, identity: identityOf(guest) }
      const rules = { readOnly: false, bounds, check: changingOnly }
      if (confirmation !== undefined) {
        const rows = confirmations.redeem(confirmation, confirmed)
        const ran = await run({ sql, params }, { ...rules, ending: { rows } })
        return { answered: ran.answered, result: ran.succeeded ? toResult(describe(ran, true)) : toRefusal(ran.body) }
      }
      const ran = await run({ sql, params }, { ...rules, ending: 'rollback' })
      const { answered } = ran
      if (!ran.succeeded) return { answered, result: toRefusal(ran.body) }
      const changed = describe(ran, false)
      if (changed.changed > mcpMaxChanges)
        return { answered, result: toRefusal(tooMany(changed.changed, mcpMaxChanges)) }
      return {
        answered,
        result: toResult({
          ...changed,
          confirmation: confirmations.issue(confirmed, changed.changed),
          expiresInSeconds: confirmationSeconds,
        }),
      }
    },
  }
}

function describe({ body, truncated }: Ran, committed: boolean) {
  const columns = body.fields.map(({ name }: { name: string }) => name)
  const { command, rowCount, rows } = body
  return { committed, command, changed: Number(rowCount), columns, rows, truncated }
}

/** Not the token: one that was renewed meanwhile is the same person's. What it is narrowed to counts. */
function identityOf({ turn, token: { iss, sub, role, tenant } }: Guest): string {
  return JSON.stringify([iss, sub, role, tenant ?? null, turn.caller.narrowing ?? null])
}

function tooMany(rows: number, most: number) {
  return {
    code: '54000',
    message: `The statement would change ${rows} rows, and may change ${most}`,
    hint: 'Nothing was changed. Narrow its WHERE, and change a part at a time.',
  }
}

/** What a WITH query changes is in no count. */
function changingOnly({ command, changes }: Allowed): Failure | undefined {
  if (command === 'SELECT') {
    return new Failure('statement_refused', {
      detail: '"change" takes INSERT, UPDATE, DELETE or MERGE. Use "query" to read.',
    })
  }
  if (changes === 1) return undefined
  const detail = 'A WITH query that changes rows is not allowed here: send each change by itself'
  return new Failure('statement_refused', { detail })
}
