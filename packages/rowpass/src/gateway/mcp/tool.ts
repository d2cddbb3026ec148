/**
 * What a tool is: what it is called, takes and gives, and what it can do.
 */
import * as z from 'zod'
import type { Failure } from '../../errors.ts'
import type { Allowed } from '../../statement/classify.ts'
import type { VerifiedToken } from '../../token/verified-token.ts'
import type { Answered } from '../audit.ts'
import type { GatewayConfig } from '../config.ts'
import type { Turn } from '../token-path.ts'
import type { Terms } from '../work.ts'

/** Whose call it is. */
export interface Guest {
  readonly turn: Turn
  readonly token: VerifiedToken
}

/** What the protocol calls a tool. */
export interface ToolDefinition {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly inputSchema: { readonly type: 'object'; readonly [member: string]: unknown }
  readonly outputSchema: { readonly type: 'object'; readonly [member: string]: unknown }
  readonly annotations: {
    readonly readOnlyHint: boolean
    readonly destructiveHint: boolean
    readonly idempotentHint: boolean
    readonly openWorldHint: boolean
  }
}

/** What a tool gives back, as the protocol has it. */
export interface ToolResult {
  [member: string]: unknown
  content: { type: 'text'; text: string }[]
  structuredContent?: Record<string, unknown>
  isError?: true
}

/** How a call ended, for the client and for the log. */
export interface Called {
  readonly result: ToolResult
  readonly answered: Answered
}

/** A statement and its parameters, as a client gives them. */
export interface GivenStatement {
  readonly sql: string
  readonly params?: readonly unknown[] | undefined
}

/** What came of a statement. */
export interface Ran {
  readonly answered: Answered
  /** Its result, or PostgreSQL's error or ours in the same shape. */
  // biome-ignore lint/suspicious/noExplicitAny: JSON that this gateway wrote
  readonly body: any
  readonly succeeded: boolean
  /** There were more rows than are kept. */
  readonly truncated: boolean
}

/** What a tool can do. */
export interface Hands {
  readonly guest: Guest
  /** Runs one statement in a transaction of its own, REPEATABLE READ. Never rejects. */
  run(statement: GivenStatement, rules: ToolRules): Promise<Ran>
}

/** What a tool demands of a statement. */
export interface ToolRules extends Terms {
  readonly readOnly: boolean
  /** Says what is wrong with a statement that the gateway would run, where something is. */
  readonly check?: (verdict: Allowed) => Failure | undefined
}

/** One tool. */
export interface Tool<Input> {
  readonly input: z.ZodType<Input>
  readonly output: z.ZodType
  readonly about: Omit<ToolDefinition, 'inputSchema' | 'outputSchema'>
  /** Whether a guest has it; by default everybody does. */
  allows?(guest: Guest): boolean
  /** Rejects with a Failure for what is wrong before anything runs. */
  call(input: Input, hands: Hands): Promise<Called>
}

/** The settings of tools. */
export type ToolSettings = Pick<GatewayConfig, 'mcpMaxRows' | 'mcpMaxBytes' | 'mcpMaxChanges' | 'sealKeys'>

/** What statements are given as. */
export const statementInput = {
  sql: z
    .string()
    .min(1)
    .max(64 * 1024)
    .describe('one statement; values as $1, $2 …'),
  params: z.array(z.unknown()).max(1_000).optional().describe('values of $1, $2 … in their order'),
}

/** A result as the protocol wants it: structured, and for older clients the same as text. */
export function toResult(structuredContent: Record<string, unknown>): ToolResult {
  return { content: [{ type: 'text', text: JSON.stringify(structuredContent) }], structuredContent }
}
