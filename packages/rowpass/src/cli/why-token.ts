/**
 * The token step of `rowpass why`: what is in a token, and whether the gateway would take it.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Failure } from '../errors.ts'
import { createProxyFetch } from '../gateway/proxy.ts'
import { type CompactToken, parseCompact } from '../token/compact.ts'
import type { TrustedIssuer } from '../token/issuer-settings.ts'
import { TokenRefusal } from '../token/refusal.ts'
import { maxForeignTokenLength } from '../token/token-limits.ts'
import { createVerifier } from '../token/verifier.ts'
import type { Io } from './io.ts'
import { ownIssuers } from './own-issuers.ts'
import { loadProject } from './project.ts'
import { readRunning } from './running.ts'

/** A token, read. */
export interface ReadToken {
  readonly claims: Readonly<Record<string, unknown>>
  /** What happened to it, for a person. Holds no part of the token but its claims. */
  readonly lines: readonly string[]
  /** The database role that the gateway would give it. */
  readonly role: string | undefined
  /** Why the gateway would refuse it; undefined where it would not, or could not be asked. */
  readonly refusal?: string
}

/**
 * Reads a token, and has it verified as the gateway of this folder would: by the issuers in ROWPASS_ISSUERS, or by the
 * API that runs here.
 *
 * A token that would be refused is explained all the same; its claims are then only what somebody wrote.
 *
 * @param source `-` for standard input, or `@file`; a token on the command line would be seen by other users
 * @throws Failure `input_invalid` when there is no token to read
 */
export async function readToken(io: Io, source: string, now: () => number = Date.now): Promise<ReadToken> {
  const text = (await readSource(io, source)).trim()
  const token = parseToken(text)
  const { says, ...verdict } = await judge(io, text, token, now)
  return { claims: token.claims, ...verdict, lines: [describe(token, now()), says] }
}

/** Reads what `--token` names; `-` is standard input. @throws Failure `input_invalid` */
export async function readSource(io: Io, source: string): Promise<string> {
  if (source !== '-' && !source.startsWith('@')) {
    throw new Failure('input_invalid', { detail: '--token takes - for standard input, or @file' })
  }
  try {
    return source === '-' ? await readInput() : readFileSync(resolve(io.cwd, source.slice(1)), 'utf8')
  } catch (error) {
    throw new Failure('input_invalid', { detail: 'the token cannot be read', cause: error })
  }
}

/** Not at once: a pipe whose writer is slower has nothing to read yet. What is longer than any token is cut off. */
async function readInput(): Promise<string> {
  let text = ''
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += String(chunk)
    if (text.length > 2 * maxForeignTokenLength) break
  }
  return text
}

/** Takes a token apart; nothing in it is verified. @throws Failure `input_invalid` */
export function parseToken(text: string): CompactToken {
  try {
    return parseCompact(text)
  } catch (error) {
    const detail = error instanceof TokenRefusal ? error.message : 'it is not a token'
    throw new Failure('input_invalid', { detail, cause: error })
  }
}

function describe({ alg, kid, typ, claims }: CompactToken, nowMs: number): string {
  const { iss, aud, exp } = claims
  const left = typeof exp === 'number' ? Math.round(exp - nowMs / 1000) : undefined
  const until = left === undefined ? 'without exp' : left > 0 ? `expires in ${left} s` : `expired ${-left} s ago`
  return `${typ || 'no typ'}, ${alg}, key ${kid}, issuer ${String(iss)}, audience ${String(aud)}, ${until}`
}

async function judge(
  io: Io,
  text: string,
  token: CompactToken,
  now: () => number,
): Promise<Omit<ReadToken, 'claims' | 'lines'> & { says: string }> {
  const issuers = findIssuers(io)
  if (issuers.length === 0)
    return { says: 'not verified: no issuer is configured or runs in this folder', role: undefined }
  const sha256 = (each: string) => createHash('sha256').update(each).digest('base64')
  try {
    const { iss, role } = await createVerifier(issuers, {
      sha256,
      now,
      fetch: createProxyFetch(io.env),
      allowPrivateNetwork: true,
    }).verify(text)
    return { says: `verified with the keys of ${iss}: the gateway gives it the role ${role}`, role }
  } catch (error) {
    const cause = error instanceof Failure ? error.cause : error
    if (!(cause instanceof TokenRefusal)) throw error
    // The gateway may have them.
    if (cause.reason === 'keys_unavailable') return { says: `not verified: ${cause.message}`, role: undefined }
    const refusal = `${cause.message}${expectation(cause, token, issuers)}`
    return { says: `REFUSED by the gateway: ${refusal}`, role: undefined, refusal }
  }
}

/** What the configuration has where the token has something else. The reader operates the gateway. */
function expectation({ reason }: TokenRefusal, { claims }: CompactToken, issuers: readonly TrustedIssuer[]): string {
  if (reason === 'issuer') return `: ${issuers.map(({ iss }) => iss).join(', ')}`
  const issuer = issuers.find(({ iss }) => iss === claims.iss)
  if (issuer === undefined) return ''
  if (reason === 'audience') return `, whose audience is ${String(issuer.audience || 'any')}`
  if (reason === 'typ') return `: ${issuer.typ.map((typ) => typ || 'none').join(', ')}`
  return reason === 'keys_unavailable' || reason === 'key_unknown' ? `: ${issuer.jwksUrl ?? 'found by discovery'}` : ''
}

function findIssuers(io: Io): readonly TrustedIssuer[] {
  const project = loadProject(io)
  const running = readRunning(project.directory)
  if (running?.ready === true) {
    // Whoever started it may have given it another port than this command was given.
    return ownIssuers({ ...project, issuer: project.env.ISSUER ?? running.apiUrl }, running.apiUrl)
  }
  return project.env.ROWPASS_ISSUERS === undefined ? [] : ownIssuers(project, '')
}
