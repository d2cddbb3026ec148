/**
 * What the callers of the chaos run do, and what may come of each.
 */
import { isUnsure, other, type Violation } from './judge.ts'
import type { ChaosCaller, Ledger } from './ledger.ts'

/** One request to send. */
export interface Action {
  readonly kind: string
  /** How often, relative to the others. */
  readonly weight: number
  /** The body, and what a 200 must hold. */
  prepare(caller: ChaosCaller, nonce: string): Prepared
  /** Whether it changes anything, or may: an owner sends one such at a time. */
  readonly changes?: boolean
}

/** A request and its judge. */
export interface Prepared {
  readonly body: object
  /** SQLSTATEs that are a right answer; without them, a 200 that passes `check` is. */
  readonly refusal?: readonly string[]
  check?(results: readonly Result[]): Violation | undefined
  /** Hears what came of it. */
  settle?(outcome: string): void
}

/** Rows of one statement, as objects of text. */
export interface Result {
  readonly rows: readonly Readonly<Record<string, string | null>>[]
  readonly rowCount: number
}

/**
 * Functions of the owner that leave something in the session: what they leave must be gone before anybody else comes. One that
 * tells the port of a server that is no primary. Entries have no key, so that one that is written twice is there twice.
 */
export const chaosSql = `
  create function public.leave_traces(who text) returns text language plpgsql as $$
  begin
    perform set_config('app.leftover', who, false), set_config('work_mem', '1MB', false), pg_advisory_lock(42);
    return who;
  end $$;
  create function public.leftover() returns text language sql stable as $$
    select concat(current_setting('app.leftover', true), case when current_setting('work_mem') <> '4MB' then ' work_mem' end)
  $$;
  create function public.replica() returns text language sql stable as $$
    select case when pg_is_in_recovery() then inet_server_port()::text end
  $$;
  grant execute on function public.leave_traces(text), public.leftover(), public.replica() to authenticated;
  create table public.entries (entry int not null, owner_id text not null default auth.user_id());
  create index on public.entries (owner_id, entry);
  alter table public.entries enable row level security;
  create policy entries_own on public.entries to authenticated
    using (owner_id = (select auth.user_id())) with check (owner_id = (select auth.user_id()));
  grant select on public.entries to authenticated;
  grant insert (entry) on public.entries to authenticated;`

const ownNote = (caller: ChaosCaller) => String(caller.noteIds[Math.floor(Math.random() * caller.noteIds.length)])

/** A note of somebody else, most of the time. */
const anyNote = (caller: ChaosCaller) => String(1 + Math.floor(Math.random() * caller.noteIds.length * 1_000))

/** Every row is the caller's own, none was written by a transaction that failed, and the answer is to this request. */
function checkNotes(caller: ChaosCaller, nonce: string, { rows }: Result): Violation | undefined {
  for (const row of rows) {
    if (row.owner_id !== caller.sub) return foreign(row.owner_id, caller)
    if (row.body?.startsWith('half') === true) return other(`a write of a transaction that failed: ${row.body}`)
    if (row.nonce !== nonce) return otherAnswer
  }
  return undefined
}

const otherAnswer = other('the answer to another request')

/** A row of another owner than the caller. */
export function foreign(owner: string | null | undefined, caller: ChaosCaller): Violation {
  return { kind: 'rows of somebody else', says: `a row of ${owner} for ${caller.sub}` }
}

/** At least what was acknowledged when the request was sent, and nothing twice. */
function checkEntries(
  caller: ChaosCaller,
  nonce: string,
  { count, newest }: Ledger['known'],
  { rows }: Result,
): Violation | undefined {
  const [row, strange] = rows
  if (row === undefined || strange !== undefined) return other(`${rows.length} rows of entries`)
  if (row.nonce !== nonce) return otherAnswer
  if (row.owner_id !== null && (row.owner_id !== caller.sub || row.last_owner !== caller.sub)) {
    return foreign(`${row.owner_id} or ${row.last_owner}`, caller)
  }
  const [found, different, last] = [Number(row.found), Number(row.different), Number(row.newest)]
  if (found !== different) return { kind: 'writes done twice', says: `${found} entries, ${different} different ones` }
  if (found >= count && last >= newest) return undefined
  const where = row.replica === null ? 'the primary' : `the replica ${row.replica}`
  const says = `${found} entries up to ${last} of ${caller.sub} at ${where}, not ${count} up to ${newest}`
  return { kind: 'stale reads of own writes', says }
}

const select = 'select id, owner_id, body, $1::text as nonce, (select public.replica()) as replica from public.notes'

/** What everybody can be answered whose token is good. */
export const ownRow: Action = {
  kind: 'own row',
  weight: 400,
  prepare: (caller, nonce) => ({
    body: { query: `${select} where id = $2`, params: [nonce, ownNote(caller)] },
    check: ([result]) => (result?.rows.length === 1 ? checkNotes(caller, nonce, result) : other('not one row')),
  }),
}

/** What an owner has written. */
export const ownEntries: Action = {
  kind: 'own entries',
  weight: 60,
  prepare(caller, nonce) {
    const { known } = caller.ledger
    return {
      body: {
        query: `select min(owner_id) as owner_id, max(owner_id) as last_owner, count(*) as found,
            count(distinct entry) as different, coalesce(max(entry), 0) as newest,
            $1::text as nonce, (select public.replica()) as replica
          from public.entries`,
        params: [nonce],
      },
      check: ([result]) => (result === undefined ? other('no result') : checkEntries(caller, nonce, known, result)),
    }
  },
}

/** A row that is there once when it was acknowledged. What was refused is sent again. */
export const newEntry: Action = {
  kind: 'new entry',
  weight: 60,
  changes: true,
  prepare(caller, nonce) {
    const entry = caller.ledger.take()
    return {
      body: {
        query: 'insert into public.entries (entry) values ($1) returning entry, owner_id, $2::text as nonce',
        params: [String(entry), nonce],
      },
      check([result]) {
        const row = result?.rows[0]
        if (row?.nonce !== nonce || row.entry !== String(entry)) return otherAnswer
        return row.owner_id === caller.sub ? undefined : foreign(row.owner_id, caller)
      },
      settle(outcome) {
        caller.ledger.settle(entry, outcome === 'ok' ? 'done' : isUnsure(outcome) ? 'unsure' : 'refused')
      },
    }
  },
}

/** The mix. */
export const actions: readonly Action[] = [
  newEntry,
  ownEntries,
  ownRow,
  {
    kind: 'any row',
    weight: 200,
    prepare: (caller, nonce) => ({
      body: { query: `${select} where id = $2`, params: [nonce, anyNote(caller)] },
      check: ([result]) => (result === undefined ? other('no result') : checkNotes(caller, nonce, result)),
    }),
  },
  {
    kind: 'all rows',
    weight: 50,
    prepare: (caller, nonce) => ({
      body: { query: select, params: [nonce] },
      check: ([result]) =>
        result?.rows.length === caller.noteIds.length ? checkNotes(caller, nonce, result) : other('not all own rows'),
    }),
  },
  {
    kind: 'session',
    weight: 150,
    prepare: (caller, nonce) => ({
      body: {
        query:
          'select auth.user_id() as sub, current_user::text as role, public.leftover() as leftover, $1::text as nonce, public.replica() as replica',
        params: [nonce],
      },
      check([result]) {
        const row = result?.rows[0]
        if (row?.nonce !== nonce) return otherAnswer
        if (row.sub !== caller.sub || row.role !== 'authenticated') {
          return { kind: 'rows of somebody else', says: `session of ${row.sub} as ${row.role}` }
        }
        return row.leftover === '' ? undefined : other(`state of an earlier request: ${row.leftover}`)
      },
    }),
  },
  {
    kind: 'write',
    changes: true,
    weight: 60,
    prepare: (caller, nonce) => ({
      body: {
        query: 'update public.notes set body = $1 where id = $2 returning owner_id, body, $1::text as nonce',
        params: [nonce, anyNote(caller)],
      },
      check: ([result]) => (result === undefined ? other('no result') : checkNotes(caller, nonce, result)),
    }),
  },
  {
    kind: 'batch',
    changes: true,
    weight: 40,
    prepare: (caller, nonce) => ({
      body: {
        queries: [
          { query: 'update public.notes set body = $1 where id = $2', params: [nonce, ownNote(caller)] },
          { query: select, params: [nonce] },
        ],
      },
      check: (results) =>
        results.length === 2 && results[1] !== undefined
          ? checkNotes(caller, nonce, results[1])
          : other('not two results'),
    }),
  },
  {
    kind: 'batch that fails',
    changes: true,
    weight: 30,
    prepare: (_, nonce) => ({
      body: {
        queries: [
          { query: 'update public.notes set body = $1', params: [`half ${nonce}`] },
          { query: 'select 1 / $1::int', params: ['0'] },
        ],
      },
      refusal: ['22012'],
    }),
  },
  {
    kind: 'reset',
    changes: true,
    weight: 30,
    prepare: (caller) => ({
      body: { query: 'select public.leave_traces($1) as who', params: [caller.sub] },
      check: ([result]) => (result?.rows[0]?.who === caller.sub ? undefined : otherAnswer),
    }),
  },
  {
    kind: 'error',
    weight: 20,
    prepare: () => ({ body: { query: 'select 1 / $1::int', params: ['0'] }, refusal: ['22012'] }),
  },
  {
    kind: 'row for somebody else',
    changes: true,
    weight: 10,
    prepare: () => ({
      body: { query: 'insert into public.notes values (0, $1, $1)', params: ['user-0'] },
      refusal: ['42501'],
    }),
  },
  {
    kind: 'refused',
    weight: 9,
    prepare: () => ({ body: { query: 'set role rowpass_owner', params: [] }, refusal: ['42501', '0A000'] }),
  },
  {
    kind: 'slow',
    weight: 0.2,
    prepare: () => ({
      body: { query: 'select count(*) as n from generate_series(1, 100000000)', params: [] },
      refusal: ['57014'],
    }),
  },
]

/** One of them by chance, as often as its weight says. */
export function pickAction(mix: readonly Action[]): Action {
  let at = Math.random() * mix.reduce((sum, { weight }) => sum + weight, 0)
  for (const action of mix) {
    at -= action.weight
    if (at < 0) return action
  }
  return mix[0] as Action
}
