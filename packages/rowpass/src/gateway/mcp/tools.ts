/**
 * The tools, and how a statement of theirs is run. A tool has no way to the database but the path of every request.
 */
import * as z from 'zod'
import { Failure } from '../../errors.ts'
import { toParameter } from '../../postgres/values.ts'
import type { Allowed } from '../../statement/classify.ts'
import { refuse } from '../contract/refuse.ts'
import type { TokenPath } from '../token-path.ts'
import { createChange } from './change.ts'
import { createDescribe } from './describe.ts'
import { createQuery } from './query.ts'
import { toRefusal } from './refusal.ts'
import type { Called, Guest, Hands, Tool, ToolDefinition, ToolSettings } from './tool.ts'
import { createWhy } from './why.ts'

/** All of them. */
export interface Toolbox {
  list(guest: Guest): readonly ToolDefinition[]
  /** Never rejects. */
  call(guest: Guest, name: string, input: unknown): Promise<Called>
}

/** Makes them. */
export function createTools(settings: ToolSettings, tokenPath: TokenPath): Toolbox {
  // biome-ignore lint/suspicious/noExplicitAny: each is given what its own schema has parsed
  const tools: readonly Tool<any>[] = [
    createDescribe(settings),
    createQuery(settings),
    createChange(settings),
    createWhy(settings),
  ]
  const definitions = new Map(tools.map((tool) => [tool, define(tool)]))
  const byName = new Map(tools.map((tool) => [tool.about.name, tool]))
  const has = (tool: Tool<unknown>, guest: Guest) => tool.allows?.(guest) ?? true

  return {
    list: (guest) => [...definitions].flatMap(([tool, definition]) => (has(tool, guest) ? [definition] : [])),
    async call(guest, name, input) {
      const { who } = guest.turn.caller
      try {
        const tool = byName.get(name)
        if (tool === undefined || !has(tool, guest)) {
          throw new Failure('request_invalid', { detail: 'There is no tool of this name for this token' })
        }
        const parsed = tool.input.safeParse(input)
        if (!parsed.success) throw new Failure('request_invalid', { detail: z.prettifyError(parsed.error) })
        const { result, answered } = await tool.call(parsed.data, toHands(guest, tokenPath))
        return { result, answered: { ...answered, tool: name } }
      } catch (error) {
        const ending = refuse(error)
        return {
          result: toRefusal(JSON.parse(String(Buffer.concat(ending.response.body)))),
          answered: { who, ending, tool: name },
        }
      }
    },
  }
}

function define({ input, output, about }: Tool<unknown>): ToolDefinition {
  return {
    ...about,
    inputSchema: { ...z.toJSONSchema(input), type: 'object' },
    outputSchema: { ...z.toJSONSchema(output), type: 'object' },
  }
}

const taken: ReadonlySet<string> = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'MERGE'])

/** EXPLAIN counts hidden rows, SHOW tells of the session: neither is a way to rows, whatever the gateway allows besides. */
function refuseOther({ command }: Allowed): Failure | undefined {
  if (taken.has(command)) return undefined
  const detail = `The tools take SELECT, INSERT, UPDATE, DELETE and MERGE, and no ${command || 'empty text'}`
  return new Failure('statement_refused', { detail })
}

const shape = { arrayMode: true, rawText: false }

function toHands(guest: Guest, tokenPath: TokenPath): Hands {
  return {
    guest,
    async run({ sql, params = [] }, { readOnly, check, ...rules }) {
      // The protocol ends a statement at the first NUL: PostgreSQL would run another text than the one that was judged.
      if (sql.includes('\0')) throw new Failure('request_invalid', { detail: 'A statement has no NUL character' })
      const body = { kind: 'single', queries: [{ sql, params: params.map(toParameter), shape }] } as const
      const batch = { isolationLevel: 'RepeatableRead', readOnly, deferrable: false }
      const answered = await tokenPath.run(guest.turn, body, batch, {
        ...{ transaction: true, ...rules },
        check: (verdict) => (verdict.kind === 'refused' ? undefined : (refuseOther(verdict) ?? check?.(verdict))),
      })
      const { response, outcome } = answered.ending
      return {
        answered,
        body: JSON.parse(String(Buffer.concat(response.body))),
        succeeded: outcome === 'ok',
        truncated: answered.flight?.sinks[0]?.truncated === true,
      }
    },
  }
}
