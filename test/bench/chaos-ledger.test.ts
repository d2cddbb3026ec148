import { describe, expect, it } from 'vitest'
import { newEntry, ownEntries, type Prepared } from '../../bench/chaos/actions.ts'
import { createTally, judge } from '../../bench/chaos/judge.ts'
import { type ChaosCaller, Ledger } from '../../bench/chaos/ledger.ts'

const makeCaller = (): ChaosCaller => ({ sub: 'ada', token: '', noteIds: [], ledger: new Ledger() })

/** Of a request with the nonce `n`. */
function judgeRow(prepared: Prepared, row: Record<string, string | null>) {
  const tally = createTally()
  const body = { rows: [{ nonce: 'n', ...row }], rowCount: 1 }
  const outcome = judge(
    tally,
    'trial',
    prepared,
    { kind: 'answered', status: 200, body, tookMs: 1, seen: undefined },
    {},
  )
  prepared.settle?.(outcome)
  const counted = [...tally.violationCounts].filter(([, times]) => times > 0)
  return { violations: Object.fromEntries(counted), byReplica: tally.byReplica.get('trial')?.get('5433') ?? 0 }
}

function write(caller: ChaosCaller, outcome = 'ok'): void {
  newEntry.prepare(caller, 'n').settle?.(outcome)
}

describe('the ledger of a chaos run', () => {
  const seen = { owner_id: 'ada', last_owner: 'ada', found: '2', different: '2', newest: '2', replica: '5433' }

  it('notices a read that misses what was acknowledged before it was sent, and none that was sent before', () => {
    const caller = makeCaller()
    write(caller)
    const before = ownEntries.prepare(caller, 'n')
    write(caller)
    const old = { ...seen, found: '1', different: '1', newest: '1' }
    expect(judgeRow(before, old)).toEqual({ violations: {}, byReplica: 1 })
    const later = () => ownEntries.prepare(caller, 'n')
    expect(judgeRow(later(), seen)).toEqual({ violations: {}, byReplica: 1 })
    expect(judgeRow(later(), old).violations).toEqual({ 'stale reads of own writes': 1 })
    expect(judgeRow(later(), { ...seen, found: '3' }).violations).toEqual({ 'writes done twice': 1 })
    expect(judgeRow(later(), { ...seen, last_owner: 'bob' }).violations).toEqual({ 'rows of somebody else': 1 })
    expect(judgeRow(later(), { ...seen, replica: null })).toEqual({ violations: {}, byReplica: 0 })
  })

  it('sends again what was refused, and asks for nothing of what is unsure', () => {
    const caller = makeCaller()
    write(caller, '08007')
    write(caller, 'aborted')
    expect(caller.ledger.known).toEqual({ count: 0, newest: 0 })
    write(caller, '08006')
    expect(caller.ledger.known).toEqual({ count: 0, newest: 0 })
    expect(newEntry.prepare(caller, 'n').body).toMatchObject({ params: ['3', 'n'] })
  })

  it('finds at the end what is lost, there twice, or there in spite of a refusal', () => {
    const caller = makeCaller()
    for (const outcome of ['ok', 'ok', '08007', 'ok', '57014']) write(caller, outcome)
    const audit = (...found: [entry: number, times: number][]) => caller.ledger.audit(new Map(found))
    const good = { lost: 0, twice: 0, refusedButDone: 0 }
    expect(audit([1, 1], [2, 1], [4, 1])).toEqual(good)
    expect(audit([1, 1], [2, 1], [3, 1], [4, 1])).toEqual(good)
    expect(audit([1, 1], [4, 1])).toEqual({ ...good, lost: 1 })
    expect(audit([1, 1], [2, 2], [4, 1])).toEqual({ ...good, twice: 1 })
    expect(audit([1, 1], [2, 1], [4, 1], [5, 1])).toEqual({ ...good, refusedButDone: 1 })
  })
})
