import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SqlAnswered } from '../../src/events.ts'
import { createEventLog } from '../../src/gateway/log.ts'

const answered: SqlAnswered = {
  type: 'sql_answered',
  requestId: '0f8fad5b-d9cb-469f-a165-70867728950e',
  auth: 'none',
  fingerprints: [],
  rows: 0,
  durationMs: 1.23456,
  outcome: 'token_missing',
}

function collect(holdMs?: number) {
  const writes: string[] = []
  const emit = createEventLog({ write: (lines) => writes.push(lines) }, holdMs === undefined ? {} : { holdMs })
  return { writes, emit }
}

describe('the line of a request', () => {
  const text = fc.string({ unit: 'binary' })
  const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })
  const event = fc.record({
    requestId: text,
    traceparent: optional(text),
    auth: fc.constantFrom('token', 'password', 'none'),
    iss: optional(text),
    sub: optional(text),
    tenantId: optional(text),
    kid: optional(text),
    jtiHash: optional(text),
    role: optional(text),
    actor: optional(text),
    tables: optional(fc.array(text, { maxLength: 3 })),
    fingerprints: fc.array(text, { maxLength: 3 }),
    rows: fc.nat(),
    durationMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
    outcome: fc.constantFrom('ok', 'postgres', 'statement_refused'),
    sqlstate: optional(text),
  })

  it('is one line of JSON with what the event has, whatever its texts are', () => {
    fc.assert(
      fc.property(event, (members) => {
        const { writes, emit } = collect()
        emit({ type: 'sql_answered', ...members } as SqlAnswered)
        expect(writes).toHaveLength(1)
        expect(writes[0]?.indexOf('\n')).toBe((writes[0]?.length ?? 0) - 1)
        expect(JSON.parse(writes[0] ?? '')).toEqual({
          ...JSON.parse(JSON.stringify(members)),
          durationMs: expect.closeTo(members.durationMs, 3),
          level: 30,
          time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
          msg: 'sql_answered',
        })
      }),
    )
  })

  it('has no member that is not one of the event, and a cause as text', () => {
    const { writes, emit } = collect()
    const cause = Object.assign(new Error('outer "quoted"'), { password: 'canary' })
    emit({ ...answered, cause, sql: 'canary' } as SqlAnswered)
    expect(writes.join()).not.toContain('canary')
    expect(JSON.parse(writes[0] ?? '')).toMatchObject({ cause: 'Error: outer "quoted"' })
  })

  it('has the time at which it was written', async () => {
    const { writes, emit } = collect()
    for (let line = 0; line < 3; line++) {
      const before = Date.now()
      emit(answered)
      const { time } = JSON.parse(writes.at(-1) ?? '') as { time: string }
      expect(Date.parse(time)).toBeGreaterThanOrEqual(before)
      expect(Date.parse(time)).toBeLessThanOrEqual(Date.now())
      await wait(2)
    }
  })
})

describe('lines that are held', () => {
  const idsOf = (writes: readonly string[]) =>
    writes
      .join('')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => (JSON.parse(line) as { requestId?: string; msg: string }).requestId ?? 'another')

  it('are written together, in order, each once', async () => {
    const { writes, emit } = collect(10)
    for (const requestId of ['1', '2', '3']) emit({ ...answered, requestId })
    expect(writes).toEqual([])
    await expect.poll(() => writes.length).toBe(1)
    for (const requestId of ['4', '5']) emit({ ...answered, requestId })
    await expect.poll(() => writes.length).toBe(2)
    expect(idsOf(writes)).toEqual(['1', '2', '3', '4', '5'])
  })

  it('leave with the next event of another kind', () => {
    const { writes, emit } = collect(60_000)
    emit({ ...answered, requestId: '1' })
    emit({ type: 'connection_opened', server: 'db.example.test:5432' })
    expect(idsOf(writes)).toEqual(['1', 'another'])
  })

  it('are never more than 16 KiB and a line', () => {
    const { writes, emit } = collect(60_000)
    for (let line = 0; line < 1_000; line++) emit({ ...answered, requestId: String(line) })
    const [first = ''] = writes
    expect(first.length).toBeGreaterThanOrEqual(16 * 1024)
    expect(first.length).toBeLessThan(17 * 1024)
    const unwritten = 1_000 - idsOf(writes).length
    expect(unwritten * (first.length / idsOf([first]).length)).toBeLessThan(16 * 1024)
    emit({ type: 'connection_opened', server: 'db.example.test:5432' })
    expect(idsOf(writes)).toHaveLength(1_001)
  })

  it('leave no listener behind', async () => {
    const before = process.listenerCount('exit')
    const { writes, emit } = collect(5)
    emit(answered)
    expect(process.listenerCount('exit')).toBe(before + 1)
    await expect.poll(() => writes.length).toBe(1)
    expect(process.listenerCount('exit')).toBe(before)
  })

  const ends: readonly (readonly [how: string, code: string, signal?: NodeJS.Signals])[] = [
    ['runs out of work', ''],
    ['exits', 'process.exit(3)'],
    ['throws what nobody catches', "setImmediate(() => { throw new Error('uncaught') })"],
    ['rejects what nobody awaits', "void Promise.reject(new Error('unhandled'))"],
    [
      'is asked to end',
      "process.once('SIGTERM', () => process.exit(0)); setInterval(() => {}, 1e9); process.stderr.write('up')",
      'SIGTERM',
    ],
  ]
  it.each(ends)('are all written by a process that %s', { timeout: 30_000 }, async (_how, code, signal) => {
    const script = `
      import { createEventLog } from ${JSON.stringify(new URL('../../src/gateway/log.ts', import.meta.url).href)}
      const emit = createEventLog(process.stdout, { holdMs: 1e8 })
      for (let line = 0; line < 200; line++) emit({ ...${JSON.stringify(answered)}, requestId: String(line) })
      ${code}`
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script])
    const written: string[] = []
    child.stdout.setEncoding('utf8').on('data', (text: string) => written.push(text))
    if (signal !== undefined) child.stderr.once('data', () => child.kill(signal as NodeJS.Signals))
    await once(child, 'close')
    expect(idsOf(written)).toEqual(Array.from({ length: 200 }, (_, line) => String(line)))
  })
})
