/**
 * Identities that read and write without a break while gateways are replaced, and what came of each request, by phase.
 */
import { type Action, actions, foreign, newEntry, ownEntries, ownRow, pickAction } from '../chaos/actions.ts'
import { ChaosClient } from '../chaos/client.ts'
import { createTally, judge, type Tally } from '../chaos/judge.ts'
import { type ChaosCaller, Ledger } from '../chaos/ledger.ts'
import type { Marks } from '../marks.ts'
import type { Caller } from '../scene.ts'

/** What came of the requests that were sent in a phase. */
export interface Phase {
  readonly name: string
  requests: number
  /** Answered with an error that the request does not deserve. */
  refused: number
  /** No answer, or one that does not say whether it was done: the balancer's in place of a gateway's, or 08007. */
  unanswered: number
  /** Answered with what it should not have been: somebody else's row, something half done, a token whose session is ended. */
  wrong: number
  /** Milliseconds of each answer that was right. */
  readonly tookMs: number[]
}

/** A load that goes on until it is stopped. */
export interface Load {
  readonly tally: Tally
  readonly marks: Marks
  /** Requests that are sent from now on belong to this phase. */
  begin(name: string): Phase
  /** From now on this caller is asked for in vain: their session has been ended. */
  expectRefused(caller: Caller): void
  /** Sends a request that the caller deserves, which is judged as the others are. */
  readOwn(caller: Caller): Promise<void>
  /** Lets the requests under way end. */
  stop(): Promise<void>
}

const clients = 8
const endedShare = 0.03

const insertMark = 'insert into public.marks (mark) values ($1)'

/** Writes of which each is to be there once; `marksOf` says what an acknowledged one has written. */
const writes: readonly (Action & { marksOf(nonce: string): string[] })[] = [
  {
    kind: 'mark',
    weight: 150,
    marksOf: (nonce) => [nonce],
    prepare: (_, nonce) => ({ body: { query: insertMark, params: [nonce] } }),
  },
  {
    kind: 'marks in a batch',
    weight: 60,
    marksOf: (nonce) => [`${nonce}/1`, `${nonce}/2`],
    prepare: (caller, nonce) => ({
      body: {
        queries: [
          ...[1, 2].map((number) => ({ query: insertMark, params: [`${nonce}/${number}`] })),
          { query: 'select owner_id from public.marks order by mark desc limit 20', params: [] },
        ],
      },
      check(results) {
        const strange = results[2]?.rows.find((row) => row.owner_id !== caller.sub)
        return strange && foreign(strange.owner_id, caller)
      },
    }),
  },
]
/** But for statements that take too long or hold a lock for everybody, and for entries, in place of which there are marks. */
const others = actions.filter((action) => !['slow', 'reset', newEntry.kind, ownEntries.kind].includes(action.kind))
const mix: readonly Action[] = [...others, ...writes]

const ended: Action = {
  kind: 'ended session',
  weight: 0,
  prepare: (caller, nonce) => ({ ...ownRow.prepare(caller, nonce), refusal: ['28000'] }),
}

/** Starts it. @param port where it is sent to */
export function startLoad(port: number, callers: readonly Caller[]): Load {
  const tally = createTally()
  const marks = { acknowledged: new Set<string>(), refused: new Set<string>() }
  const refusedCallers: Caller[] = []
  const ledger = new Ledger()
  let going = true
  let phase = newPhase('start')

  async function client(): Promise<void> {
    const client = new ChaosClient(port)
    while (going) {
      const isEnded = refusedCallers.length > 0 && Math.random() < endedShare
      await send(client, isEnded ? ended : pickAction(mix), pick(isEnded ? refusedCallers : callers))
    }
    client.close()
  }
  async function send(client: ChaosClient, action: Action, caller: Caller): Promise<void> {
    const counts = phase
    const nonce = crypto.randomUUID()
    counts.requests++
    const found = await sendOne(client, tally, action, { ...caller, ledger }, nonce)
    if (typeof found === 'number') counts.tookMs.push(found)
    else counts[found]++
    if (found === 'unanswered') return
    const written = writes.find(({ kind }) => kind === action.kind)?.marksOf(nonce) ?? []
    for (const mark of written) marks[found === 'refused' ? 'refused' : 'acknowledged'].add(mark)
  }
  const done = Promise.all(Array.from({ length: clients }, client))
  return {
    tally,
    marks,
    begin(name) {
      phase = newPhase(name)
      return phase
    },
    expectRefused: (caller) => refusedCallers.push(caller),
    async readOwn(caller) {
      const client = new ChaosClient(port)
      await send(client, ownRow, caller)
      client.close()
    },
    async stop() {
      going = false
      await done
    },
  }
}

function newPhase(name: string): Phase {
  return { name, requests: 0, refused: 0, unanswered: 0, wrong: 0, tookMs: [] }
}

/** @returns milliseconds of a right answer, or else what it was */
async function sendOne(
  client: ChaosClient,
  tally: Tally,
  { kind, prepare }: Action,
  caller: ChaosCaller,
  nonce: string,
): Promise<number | 'refused' | 'unanswered' | 'wrong'> {
  const prepared = prepare(caller, nonce)
  const answer = await client.send({ token: caller.token, body: prepared.body })
  const before = tally.violationCount
  judge(tally, kind, prepared, answer, { isCalm: true })
  if (answer.kind !== 'answered') return 'unanswered'
  if (tally.violationCount === before) return answer.tookMs
  if (answer.status >= 500 || (answer.body as { code?: unknown }).code === '08007') return 'unanswered'
  return answer.status === 200 ? 'wrong' : 'refused'
}

function pick<T>(from: readonly T[]): T {
  return from[Math.floor(Math.random() * from.length)] as T
}
