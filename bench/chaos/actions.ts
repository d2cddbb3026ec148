/**
 * What the callers of the chaos run do, and what may come of each.
 */
import type { Caller } from '../scene.ts'

/** One request to send. */
export interface Action {
  readonly kind: string
  /** How often, relative to the others. */
  readonly weight: number
  /** The body, and what a 200 must hold: a sentence when it does not. */
  prepare(caller: Caller, nonce: string): Prepared
}

/** A request and its judge. */
export interface Prepared {
  readonly body: object
  /** SQLSTATEs that are a right answer; without them, a 200 that passes `check` is. */
  readonly refusal?: readonly string[]
  check?(results: readonly Result[]): string | undefined
}

/** Rows of one statement, as objects of text. */
export interface Result {
  readonly rows: readonly Readonly<Record<string, string | null>>[]
  readonly rowCount: number
}

/**
 * Functions of the owner that leave something in the session: what they leave must be gone before anybody else comes.
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
  grant execute on function public.leave_traces(text), public.leftover() to authenticated;`

const ownNote = (caller: Caller) => String(caller.noteIds[Math.floor(Math.random() * caller.noteIds.length)])

/** A note of somebody else, most of the time. */
const anyNote = (caller: Caller) => String(1 + Math.floor(Math.random() * caller.noteIds.length * 1_000))

/** Every row is the caller's own, none was written by a transaction that failed, and the answer is to this request. */
function checkNotes(caller: Caller, nonce: string, { rows }: Result): string | undefined {
  for (const row of rows) {
    if (row.owner_id !== caller.sub) return `a row of ${row.owner_id} for ${caller.sub}`
    if (row.body?.startsWith('half') === true) return `a write of a transaction that failed: ${row.body}`
    if (row.nonce !== nonce) return 'the answer to another request'
  }
  return undefined
}

const select = 'select id, owner_id, body, $1::text as nonce from public.notes'

/** The mix. */
export const actions: readonly Action[] = [
  {
    kind: 'own row',
    weight: 400,
    prepare: (caller, nonce) => ({
      body: { query: `${select} where id = $2`, params: [nonce, ownNote(caller)] },
      check: ([result]) => (result?.rows.length === 1 ? checkNotes(caller, nonce, result) : 'not one row'),
    }),
  },
  {
    kind: 'any row',
    weight: 200,
    prepare: (caller, nonce) => ({
      body: { query: `${select} where id = $2`, params: [nonce, anyNote(caller)] },
      check: ([result]) => (result === undefined ? 'no result' : checkNotes(caller, nonce, result)),
    }),
  },
  {
    kind: 'all rows',
    weight: 50,
    prepare: (caller, nonce) => ({
      body: { query: select, params: [nonce] },
      check: ([result]) =>
        result?.rows.length === caller.noteIds.length ? checkNotes(caller, nonce, result) : 'not all own rows',
    }),
  },
  {
    kind: 'session',
    weight: 150,
    prepare: (caller, nonce) => ({
      body: {
        query:
          'select auth.user_id() as sub, current_user::text as role, public.leftover() as leftover, $1::text as nonce',
        params: [nonce],
      },
      check([result]) {
        const row = result?.rows[0]
        if (row?.nonce !== nonce) return 'the answer to another request'
        if (row.sub !== caller.sub || row.role !== 'authenticated') return `session of ${row.sub} as ${row.role}`
        return row.leftover === '' ? undefined : `state of an earlier request: ${row.leftover}`
      },
    }),
  },
  {
    kind: 'write',
    weight: 60,
    prepare: (caller, nonce) => ({
      body: {
        query: 'update public.notes set body = $1 where id = $2 returning owner_id, body, $1::text as nonce',
        params: [nonce, anyNote(caller)],
      },
      check: ([result]) => (result === undefined ? 'no result' : checkNotes(caller, nonce, result)),
    }),
  },
  {
    kind: 'batch',
    weight: 40,
    prepare: (caller, nonce) => ({
      body: {
        queries: [
          { query: 'update public.notes set body = $1 where id = $2', params: [nonce, ownNote(caller)] },
          { query: select, params: [nonce] },
        ],
      },
      check: (results) =>
        results.length === 2 && results[1] !== undefined ? checkNotes(caller, nonce, results[1]) : 'not two results',
    }),
  },
  {
    kind: 'batch that fails',
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
    weight: 30,
    prepare: (caller) => ({
      body: { query: 'select public.leave_traces($1) as who', params: [caller.sub] },
      check: ([result]) => (result?.rows[0]?.who === caller.sub ? undefined : 'the answer to another request'),
    }),
  },
  {
    kind: 'error',
    weight: 20,
    prepare: () => ({ body: { query: 'select 1 / $1::int', params: ['0'] }, refusal: ['22012'] }),
  },
  {
    kind: 'row for somebody else',
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
