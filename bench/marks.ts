/**
 * Marks that clients write, no two the same: what is in their table in the end shows what became of each write.
 */
import { withConnection } from '../packages/rowpass/src/database/connect.ts'

/** No key, so that a row that is written twice is there twice. */
export const marksSql = `
  create table public.marks (mark text not null, owner_id text not null default auth.user_id());
  alter table public.marks enable row level security;
  create policy marks_own on public.marks to authenticated
    using (owner_id = (select auth.user_id())) with check (owner_id = (select auth.user_id()));
  grant select on public.marks to authenticated;
  grant insert (mark) on public.marks to authenticated`

/** What clients were told of their marks. */
export interface Marks {
  readonly acknowledged: ReadonlySet<string>
  /** Answered with an error that says that nothing was done. */
  readonly refused: ReadonlySet<string>
}

/** Where the table does not say what clients were told. */
export interface Faults {
  /** Acknowledged and not there. */
  readonly lost: number
  readonly twice: number
  /** Refused and there. */
  readonly undead: number
  /** Neither acknowledged nor refused, and there: no fault. */
  readonly kept: number
}

/** Compares, when all clients have ended. @param url of a login that all marks are shown to */
export async function findFaults(url: string, { acknowledged, refused }: Marks): Promise<Faults> {
  const { rows } = await withConnection(url, (client) =>
    client.query<{ mark: string; times: number }>('select mark, count(*)::int as times from marks group by mark'),
  )
  const written = new Set(rows.map(({ mark }) => mark))
  return {
    lost: [...acknowledged].filter((mark) => !written.has(mark)).length,
    twice: rows.filter((row) => row.times > 1).length,
    undead: [...refused].filter((mark) => written.has(mark)).length,
    kept: [...written].filter((mark) => !acknowledged.has(mark) && !refused.has(mark)).length,
  }
}
