/**
 * What the commands of `rowpass keys` print about a ring.
 */

import type { StoredRing } from '../issuer/ring/ring-store.ts'
import { type KeyStep, type RevocationReport, reportKeys } from '../issuer/ring/steps.ts'
import { bold, dim, type Io } from './io.ts'

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
