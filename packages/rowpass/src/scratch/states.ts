/**
 * Two states of a database as scripts make them, with the same rows in both as far as the scripts leave them alone.
 */
import type pg from 'pg'
import { isTable } from '../access/catalog/catalog.ts'
import { readCatalog } from '../access/catalog/read.ts'
import { attempt, isProblem } from '../access/trial.ts'
import { withConnection } from '../database/connect.ts'
import type { ScratchDatabase, ScratchServer } from './server.ts'
import type { Script } from './sources.ts'

/** The states, by their URLs. */
export interface ScriptStates {
  readonly before: ScratchDatabase
  readonly after: ScratchDatabase
  readonly notes: readonly string[]
}

/**
 * Makes the states of two lists of scripts. Where the new list only goes on from the old one, it goes on in a copy, so that
 * every row is the same. Else both are made from nothing, and the new one gets the rows of the old one.
 *
 * @param fill scripts that fill the tables of the old state; seeds of the lists do that as well
 * @throws Failure see `Loader.run`
 */
export async function makeStates(
  server: ScratchServer,
  lists: { readonly before: readonly Script[]; readonly after: readonly Script[]; readonly fill: readonly Script[] },
): Promise<ScriptStates> {
  const [old, next] = [lists.before, lists.after].map((list) => list.filter(({ isSeed }) => !isSeed)) as [
    Script[],
    Script[],
  ]
  const seeds = [...lists.before.filter(({ isSeed }) => isSeed), ...lists.fill]
  const before = await server.create()
  await before.load([...old, ...seeds])
  if (old.every(({ text }, index) => next[index]?.text === text)) {
    const after = await server.copy(before)
    await after.load(next.slice(old.length), { keepRoles: true })
    return { before, after, notes: [] }
  }
  const after = await server.create()
  await after.load(next, { keepRoles: true })
  return { before, after, notes: await copyRows(before.url, after.url) }
}

/** A state and what scripts make of a copy of it. */
export async function goOn(
  server: ScratchServer,
  before: ScratchDatabase,
  scripts: readonly Script[],
): Promise<ScratchDatabase> {
  const after = await server.copy(before)
  await after.load(scripts, { keepRoles: true })
  return after
}

const batch = 500

/**
 * Gives the tables of one database the rows of another, by the names of columns. Triggers do not run. What does not fit is
 * left out, and said.
 */
export async function copyRows(from: string, to: string): Promise<string[]> {
  return withConnection(from, (source) =>
    withConnection(to, async (target) => {
      const [old, next] = [await readCatalog(source), await readCatalog(target)]
      const names = new Map([...old.relations.values()].filter(isTable).map((each) => [each.sql, each]))
      const tables = [...next.relations.values()].filter(
        (each) => isTable(each) && !each.partition && names.has(each.sql),
      )
      const kept = tables.filter(({ schema }) => schema !== 'rowpass')
      if (kept.length === 0) return []
      await target.query(`truncate ${kept.map(({ sql }) => sql).join(', ')} cascade`)
      const referred = (oid: number): number[] =>
        next.foreignKeys.filter(({ relation, target: to }) => relation === oid && to !== oid).map((each) => each.target)
      const notes: string[] = []
      for (const table of inOrder(kept, referred)) {
        const columns = table.columns.filter(
          ({ name, generated }) => !generated && names.get(table.sql)?.columns.some((each) => each.name === name),
        )
        const left = await copyTable(
          source,
          target,
          table.sql,
          columns.map(({ sql }) => sql),
        )
        if (left > 0) notes.push(`${left} rows of ${table.sql} do not fit into it after the change`)
      }
      return notes
    }),
  )
}

async function copyTable(
  source: pg.ClientBase,
  target: pg.ClientBase,
  table: string,
  columns: readonly string[],
): Promise<number> {
  if (columns.length === 0) return 0
  const list = columns.join(', ')
  let left = 0
  await target.query(`alter table ${table} disable trigger user`)
  await source.query('begin')
  await source.query(
    `declare rowpass_rows no scroll cursor for select to_jsonb(t)::text as row from (select ${list} from ${table}) t`,
  )
  for (;;) {
    const { rows } = await source.query<{ row: string }>(`fetch ${batch} from rowpass_rows`)
    if (rows.length === 0) break
    const insert = (some: readonly string[]) =>
      target.query(
        `insert into ${table} (${list}) overriding system value
           select ${columns.map((name) => `(r).${name}`).join(', ')}
             from (select jsonb_populate_record(null::${table}, x::jsonb) as r from unnest($1::text[]) x) s`,
        [some],
      )
    await target.query('begin')
    const all = rows.map(({ row }) => row)
    if (isProblem(await attempt(target, () => insert(all), { keep: true })))
      for (const each of all) if (isProblem(await attempt(target, () => insert([each]), { keep: true }))) left += 1
    await target.query('commit')
  }
  await source.query('rollback')
  await target.query(`alter table ${table} enable trigger user`)
  return left
}

/** What is referred to comes first; circles as they are. */
function inOrder<T extends { readonly oid: number }>(tables: readonly T[], referred: (oid: number) => number[]): T[] {
  const done = new Set<number>()
  const ordered: T[] = []
  const visit = (table: T): void => {
    if (done.has(table.oid)) return
    done.add(table.oid)
    for (const oid of referred(table.oid)) {
      const other = tables.find((each) => each.oid === oid)
      if (other !== undefined) visit(other)
    }
    ordered.push(table)
  }
  for (const table of tables) visit(table)
  return ordered
}
