import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SqlAnswered } from '../../src/events.ts'
import { createEventLog } from '../../src/gateway/log.ts'
import { createSandbox, type Sandbox } from '../support/cli.ts'

const answered: SqlAnswered = {
  type: 'sql_answered',
  requestId: '0f8fad5b-d9cb-469f-a165-70867728950e',
  auth: 'token',
  sub: 'ada',
  fingerprints: ['0123456789abcdef'],
  rows: 2,
  durationMs: 1.2,
  outcome: 'ok',
}
const byAgent: Partial<SqlAnswered> = { actor: 'assistant', tables: ['select public.notes'] }

/** Lines as a gateway writes them. */
function logOf(requests: readonly Partial<SqlAnswered>[], ended = true): string[] {
  const lines: string[] = []
  const emit = createEventLog({ write: (text) => lines.push(...text.split('\n').slice(0, -1)) }, { chain: true })
  emit({ type: 'connection_opened', server: 'db.example.test:5432' })
  for (const request of requests) emit({ ...answered, ...request })
  if (ended) emit({ type: 'gateway_stopped', cutOff: 0, durationMs: 1 })
  return lines
}

describe('rowpass audit', () => {
  let sandbox: Sandbox
  beforeEach(() => {
    sandbox = createSandbox()
  })
  afterEach(() => sandbox.remove())

  const write = (lines: readonly string[], name = 'gateway.log'): void =>
    writeFileSync(join(sandbox.directory, name), lines.map((line) => `${line}\n`).join(''))
  const run = async (...argv: string[]) => sandbox.run(['audit', ...argv])

  it('says who read what through which agent, and leaves out other lines', async () => {
    write([...logOf([{}, byAgent, byAgent, { ...byAgent, sub: 'bob\u2028' }]), 'no JSON', '{"msg":"sql_answered"'])
    const { code, stdout } = await run('gateway.log')
    expect(code).toBe(0)
    const rows = stdout.split('\n').map((line) => line.split(/ {2,}/).slice(1))
    expect(rows).toContainEqual(['ada', 'assistant', '-', 'select public.notes', 'ok', '2', '4'])
    expect(rows).toContainEqual(['bob�', 'assistant', '-', 'select public.notes', 'ok', '1', '2'])
    expect(rows).toContainEqual(['ada', '-', '-', '0123456789abcdef', 'ok', '1', '2'])
    expect(rows).toHaveLength(5)
  })

  it('by person, agent and time, as rows or as the lines themselves', async () => {
    const lines = logOf([{}, byAgent, { ...byAgent, sub: 'bob' }])
    write(lines)
    const json = async (...argv: string[]) => (await run('gateway.log', '--json', ...argv)).stdout.trim().split('\n')
    expect(await json('--person', 'ada')).toHaveLength(2)
    expect(await json('--agent', 'assistant')).toEqual(lines.slice(3, 5))
    expect(await json('--person', 'ada', '--agent', '')).toEqual([lines[2]])
    expect(await json('--since', '5m')).toHaveLength(3)
    expect((await run('gateway.log', '--since', '2999-01-01')).stdout).toBe('no request is in the log\n')
    expect((await run('gateway.log', '--since', 'soon')).code).toBe(2)
    expect((await run('elsewhere.log')).stderr).toMatch(/^error\[input_invalid\]/)
    expect((await run()).stderr).toMatch(/^error\[input_invalid\]/)
  })

  describe('verify', () => {
    const requests = Array.from({ length: 6 }, (_, n) => ({ ...byAgent, rows: n }))

    it('finds nothing wrong with what was written, by several processes and in several files', async () => {
      const [one, other] = [logOf(requests), logOf(requests, false)]
      write(one.slice(0, 3), 'one.log')
      write([...one.slice(3), ...other], 'two.log')
      const { code, stdout } = await run('verify', 'one.log', 'two.log')
      expect(code).toBe(0)
      expect(stdout).toMatch(
        /^chain \w{16}: 8 lines, ended in good order\n {2}head \w{64}\nchain \w{16}: 7 lines, without an end/,
      )
    })

    const edited = (line = ''): string => line.replace('"rows":3', '"rows":9')
    type Change = (lines: string[], other: string[]) => string[]
    it.each<[string, Change, string]>([
      ['a line that was edited', (l) => l.map(edited), 'line 7 has another hash of line 6'],
      [
        'the first line edited',
        (l) => l.map((line) => line.replace(/"pid":\d+/, '"pid":1')),
        'line 3 has another hash of line 1',
      ],
      ['a line that is missing', (l) => l.toSpliced(5, 1), 'line 6 follows line 5: 1 line in between is missing'],
      ['two that are missing', (l) => l.toSpliced(4, 2), 'line 5 follows line 4: 2 lines in between are missing'],
      ['the first one missing', (l) => l.slice(1), 'line 2 is number 1 of its chain, and the first of it here'],
      [
        'two in another order',
        (l) => [...l.slice(0, 4), l[5] ?? '', l[4] ?? '', ...l.slice(6)],
        'line 6 is number 3 of its chain behind number 4',
      ],
      [
        'one that is there twice',
        (l) => [...l.slice(0, 5), ...l.slice(4)],
        'line 6 is number 3 of its chain behind number 3',
      ],
      [
        'one of no chain',
        (l) => [...l, logOf([{}])[2]?.replace(/,"chain".*/, '}') ?? ''],
        'line 10 is of a request and in no chain',
      ],
      [
        'one of another chain',
        (l, o) => [...l.slice(0, 4), o[3] ?? '', ...l.slice(4)],
        'line 5 is number 2 of its chain, and the first of it here',
      ],
      [
        'one whose own place was edited',
        (l) => l.map((line) => line.replace('"seq":3,', '"seq":30,')),
        'are missing, or stand elsewhere',
      ],
      [
        'one after which the chain goes on elsewhere',
        (l) => l.map((line) => line.replace(/("seq":4,"prev":")\w/, '$1_')),
        'line 6 is of a request and in no chain',
      ],
    ])('SEC-67 finds %s, and says which', async (_, change, says) => {
      write(change(logOf(requests), logOf(requests)))
      const { code, stdout } = await run('verify', 'gateway.log')
      expect(code).toBe(1)
      expect(stdout).toContain(says)
    })

    it('an end that was cut off is missed only by a head that was kept', async () => {
      const lines = logOf(requests, false)
      write(lines)
      const { stdout } = await run('verify', 'gateway.log')
      const head = /head (\w{64})/.exec(stdout)?.[1] ?? ''
      expect(stdout).toContain('without an end')
      expect((await run('verify', 'gateway.log', '--head', head)).code).toBe(0)
      write(lines.slice(0, -2))
      expect((await run('verify', 'gateway.log')).code).toBe(0)
      const cut = await run('verify', 'gateway.log', '--head', head, '--json')
      expect(cut.code).toBe(1)
      expect(JSON.parse(cut.stdout)).toMatchObject({ headFound: false, problems: [] })
      expect((await run('verify', 'gateway.log', '--head', 'x')).code).toBe(2)
    })

    it('a log without a chain is not verified', async () => {
      write(['{"msg":"catalog_read"}'])
      expect(await run('verify', 'gateway.log')).toMatchObject({
        code: 1,
        stdout: expect.stringContaining('ROWPASS_AUDIT_CHAIN'),
      })
    })
  })
})
