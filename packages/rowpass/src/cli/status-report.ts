/**
 * Shows a status to a person at a terminal.
 */
import type { SeenGateway } from '../database/gateways.ts'
import type { KeyReport } from '../issuer/ring/steps.ts'
import type { SealKeyStatus } from '../seal/keys.ts'
import type { DatabaseStatus } from './database-status.ts'
import { bold, dim, type Io } from './io.ts'

const width = 14

/** The report; ends in what is to be done, or in a line that says that nothing is. */
export function renderStatus(io: Io, status: DatabaseStatus, nowMs: number): string {
  const { problems, unseen } = status
  const lines = [
    ...part('database', [`${status.database}, PostgreSQL ${status.server}${describeClock(status)}`]),
    ...part('schema', [describeSql(status)]),
    ...part(
      'roles',
      status.roles.map(({ name, exists, attributes }) => `${name}  ${exists ? attributes.join(' ') : 'missing'}`),
    ),
    ...part(
      'seal keys',
      (status.sealKeys ?? []).map((key) => describeSealKey(key, nowMs)),
    ),
    ...part(
      'signing keys',
      (status.signingKeys ?? []).map((key) => describeSigningKey(key)),
    ),
    ...part('connections', [describeConnections(status)]),
    ...part('gateways', describeGateways(status, nowMs)),
    ...part(
      'left open',
      status.open.map(({ state, says }) => `${state === 'asked' ? 'on demand' : 'open'}  ${says}`),
    ),
    ...part('not seen', unseen).map((line) => dim(io, line)),
    '',
    ...problems.flatMap(({ says, remedy }) => [`${bold(io, 'to do')}  ${says}`, dim(io, `       ${remedy}`)]),
    ...(problems.length === 0 ? ['nothing to do'] : []),
  ]
  return `${lines.join('\n')}\n`
}

function part(name: string, lines: readonly string[]): string[] {
  return lines.map((line, index) => `${(index === 0 ? name : '').padEnd(width)}${line}`)
}

function describeClock({ clockAheadSeconds: ahead }: DatabaseStatus): string {
  if (ahead === 0) return ''
  return `, its clock ${Math.abs(ahead)} s ${ahead > 0 ? 'ahead' : 'behind'}`
}

function describeSql({ sql, serves }: DatabaseStatus): string {
  if (sql === null) return 'not seen'
  if (serves === null) return 'not installed'
  const { revision, ours, pending, withIssuer } = sql
  const parts = [
    `revision ${revision ?? 'of before there were any'}${revision === ours ? '' : `, this version has ${ours}`}`,
    withIssuer ? 'with our own issuer' : 'without our own issuer',
    pending.length === 0 ? 'nothing pending' : `${pending.length} pending`,
  ]
  return parts.join(', ')
}

const states = {
  same: 'as configured',
  differs: 'another secret than configured',
  database_only: 'in the database',
  configured_only: 'configured, not in the database',
} as const

function describeSealKey({ name, since, state, seals }: SealKeyStatus, nowMs: number): string {
  const age = since === null ? '' : `, ${since} (${ageOf(since, nowMs)})`
  return `${name}  ${states[state]}${seals ? ', seals' : ''}${age}`
}

function describeSigningKey({ kid, alg, state, revoked, since, tokensInUse, next }: KeyReport): string {
  const role =
    { active: 'signs, published', next: 'published', retired: 'published', gone: 'not published' }[state] ?? state
  const then = next === null ? '' : `, ${next.step} ${next.safe ? 'is safe now' : `safe from ${next.safeAt}`}`
  return `${kid}  ${alg}, ${revoked ? 'revoked' : state} since ${since}, ${role}, ${tokensInUse} tokens in use${then}`
}

function describeConnections({ connections, sessions }: DatabaseStatus): string {
  const { login, limit, needed, available } = connections
  const held = limit === null ? 'no such login' : limit < 0 ? 'no limit' : `limit ${limit}`
  const open = sessions === null ? '' : `, ${sessions.open} open`
  return `${login}  ${held}, gateways need ${needed}, the server has ${available}${open}`
}

function describeGateways({ sessions }: DatabaseStatus, nowMs: number): string[] {
  if (sessions === null) return []
  const { gateways, others } = sessions
  const lines = gateways.map((gateway) => describeGateway(gateway, nowMs))
  if (others > 0) lines.push(`${others} sessions of the login under other names`)
  return lines.length === 0 ? ['none connected'] : lines
}

function describeGateway({ version, process, sessions, since }: SeenGateway, nowMs: number): string {
  const name = version === null ? 'a version that does not say which' : `${version}  process ${process}`
  return `${name}, ${sessions} sessions${since === null ? '' : `, since ${since} (${ageOf(since, nowMs)})`}`
}

/** The largest unit that is full: `3 days`. */
function ageOf(since: string, nowMs: number): string {
  const seconds = Math.max(0, Math.floor((nowMs - Date.parse(since)) / 1000))
  const [amount, unit] =
    seconds < 60
      ? [seconds, 's']
      : seconds < 3600
        ? [Math.floor(seconds / 60), 'min']
        : seconds < 86_400
          ? [Math.floor(seconds / 3600), 'h']
          : [Math.floor(seconds / 86_400), 'days']
  return `${amount} ${unit}`
}
