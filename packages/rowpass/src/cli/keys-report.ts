/**
 * What the commands of `rowpass keys` print about a ring.
 */

import type { RingKey } from '../issuer/ring/ring.ts'
import { nextOf } from '../issuer/ring/rotation.ts'
import type { KeyStep } from '../issuer/ring/steps.ts'
import type { StoredRing } from '../issuer/ring/store.ts'
import { graceMs } from '../token/key-refresh.ts'
import { bold, dim, type Io } from './io.ts'

/** A key as `--json` shows it. */
export interface KeyReport {
  readonly kid: string
  readonly alg: string
  readonly state: string
  /** When the state began, ISO 8601. */
  readonly since: string
  readonly revoked: boolean
  /** Tokens that were signed and have not expired, as far as instances have told. */
  readonly tokensInUse: number
  readonly longestTtlSeconds: number
  /** The name of the key it is encrypted under; null where it is not, or gone. */
  readonly encryptedUnder: string | null
  /** What may happen next, and from when on it is safe. */
  readonly next: { readonly step: 'activate' | 'prune'; readonly safeAt: string; readonly safe: boolean } | null
}

/** Every key of a ring, in the order in which they were added. */
export function reportKeys({ ring, nowMs, tokensInUse, wrappedUnder }: StoredRing): KeyReport[] {
  return ring.keys.map((key) => {
    const next = nextOf(ring, key)
    return {
      kid: key.kid,
      alg: key.publicJwk.alg,
      state: key.state,
      since: iso(sinceOf(key)),
      revoked: key.revoked,
      tokensInUse: tokensInUse.get(key.kid) ?? 0,
      longestTtlSeconds: key.longestTtlSeconds,
      encryptedUnder: wrappedUnder.get(key.kid) ?? null,
      next: next === undefined ? null : { step: next.step, safeAt: iso(next.safeAt), safe: nowMs >= next.safeAt },
    }
  })
}

/** The table of `keys list`. */
export function describeRing(io: Io, stored: StoredRing, says: string): string {
  const { ring, nowMs } = stored
  const { jwksMaxAgeSeconds, lagSeconds, skewSeconds } = ring.timing
  const rows = reportKeys(stored).map((report) => [
    report.kid,
    report.alg,
    report.revoked ? 'revoked' : report.state,
    report.since,
    String(report.tokensInUse),
    report.next === null
      ? ({ active: 'signs until another is activated' }[report.state] ?? '')
      : `${report.next.step} ${from(Date.parse(report.next.safeAt), nowMs)}`,
  ])
  const head = ['kid', 'alg', 'state', 'since', 'tokens in use', 'next']
  return [
    says,
    ...(rows.length === 0 ? ['no keys yet: "rowpass keys rotate" makes the first one'] : table(io, [head, ...rows])),
    '',
    dim(
      io,
      `Others keep the published keys for ${jwksMaxAgeSeconds} s, instances their copy of the ring for ${lagSeconds} s; ${skewSeconds} s are for clocks.`,
    ),
    dim(
      io,
      'Tokens in use were signed and have not expired. An instance tells of them when it next reads the ring; what one has',
    ),
    dim(io, 'not told when it ends is not counted. Keys in a Worker secret (KEY_RING) count nothing.'),
    '',
  ].join('\n')
}

/** One line for each step that was done. */
export function describeSteps(steps: readonly KeyStep[]): string {
  const says = { add: 'added', activate: 'signs now:', retire: 'retired', prune: 'pruned', revoke: 'revoked' }
  return steps.map(({ did, kid }) => `${says[did]} ${kid}\n`).join('')
}

/** By when a revoked key is dead, and where. */
export interface RevocationReport {
  readonly revoked: string
  readonly signs: string | null
  /** ISO 8601: from then on no instance signs with it, and none publishes it. */
  readonly instancesBy: string
  /** From then on a gateway with default settings, that reaches the API, refuses its tokens by itself. */
  readonly gatewayBy: string
  /** From then on verifiers that heed the max-age have asked for the keys again. */
  readonly verifiersBy: string
}

/** Computes the times from the clock of the store. */
export function reportRevocation(stored: StoredRing, revoked: string, signs: string | undefined): RevocationReport {
  const { jwksMaxAgeSeconds, lagSeconds } = stored.ring.timing
  const instances = stored.nowMs + lagSeconds * 1000
  const verifiers = instances + jwksMaxAgeSeconds * 1000
  return {
    revoked,
    signs: signs ?? null,
    instancesBy: iso(instances),
    gatewayBy: iso(verifiers + graceMs),
    verifiersBy: iso(verifiers),
  }
}

/** For a person in a hurry. */
export function describeRevocation(io: Io, report: RevocationReport, inFile: boolean): string {
  const { revoked, signs, instancesBy, gatewayBy, verifiersBy } = report
  return [
    bold(io, `revoked ${revoked}`),
    signs === null ? 'No key signs now.' : `signs now: ${signs}`,
    '',
    'It is dead',
    `  in every instance of the API by  ${instancesBy}: none signs with it or publishes it`,
    ...(inFile ? ['    where the ring is a secret (KEY_RING): when you have deployed this file'] : []),
    `  in a Rowpass gateway by          ${gatewayBy} by itself, or at once with SIGHUP after ${instancesBy}`,
    `  in other verifiers by            ${verifiersBy}, if they heed Cache-Control; restart those that do not`,
    '',
    'Tokens that it signed are refused from then on; people sign in again. Verifiers that keep the old key set and do not',
    'ask again for an unknown key refuse tokens of the new key until the same time.',
    '',
  ].join('\n')
}

/** A time in words: `safe now`, or the instant and how far away it is. */
export function from(safeAt: number, nowMs: number): string {
  return safeAt <= nowMs ? 'safe now' : `safe from ${iso(safeAt)} on, in ${duration(safeAt - nowMs)}`
}

function duration(ms: number): string {
  const seconds = Math.ceil(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

function sinceOf({ state, addedAt, activatedAt, retiredAt, goneAt }: RingKey): number {
  return { next: addedAt, active: activatedAt, retired: retiredAt, gone: goneAt }[state] ?? addedAt
}

function iso(time: number): string {
  return new Date(time).toISOString()
}

function table(io: Io, rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  return lines.map((line, index) => (index === 0 ? bold(io, line) : line))
}
