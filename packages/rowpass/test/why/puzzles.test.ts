import { readdirSync, readFileSync } from 'node:fs'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { explain } from '../../src/why/explain.ts'
import { reasonCodes } from '../../src/why/explanation.ts'
import { renderExplanation } from '../../src/why/report.ts'
import { createTestDatabase, describePg, type TestDatabase, urlFor } from '../support/pg.ts'
import { codes } from './scene.ts'

/** `puzzles/*.sql`: a schema, and in comments at its head who asks what, and what has to be said. */
const folder = new URL('puzzles/', import.meta.url)

interface Puzzle {
  readonly name: string
  readonly sql: string
  readonly as: string
  readonly ask: string
  /** Who asks; the superuser without it. */
  readonly by: string | undefined
  /** The login that requests arrive on. */
  readonly login: string | undefined
  /** Rows, a SQLSTATE, or `not run`. */
  readonly happens: string
  readonly reasons: readonly string[]
  readonly says: readonly string[]
  readonly advice: readonly string[]
  readonly never: readonly string[]
  /** What else the database holds; `bare` without it. */
  readonly contents: string | undefined
}

const puzzles = readdirSync(folder).sort().map(readPuzzle)

function readPuzzle(file: string): Puzzle {
  const sql = readFileSync(new URL(file, folder), 'utf8')
  const field = (name: string) => new RegExp(`^-- ${name}: (.*)$`, 'm').exec(sql)?.[1]
  const list = (name: string) => (field(name) ?? '').split(', ').filter((each) => each !== '')
  return {
    name: file.replace('.sql', '').replaceAll('-', ' '),
    sql,
    as: field('as') ?? '{}',
    ask: field('ask') ?? '',
    by: field('by'),
    login: field('login'),
    happens: field('happens') ?? '',
    reasons: list('reasons'),
    says: list('says'),
    advice: list('advice'),
    never: list('never'),
    contents: field('contents'),
  }
}

/** Of the whole cluster; puzzles of other files have none of them. */
const roles = ['puzzle_user', 'puzzle_owner', 'puzzle_login', 'puzzle_group', 'puzzle_keeper']
const password = 'of-a-throw-away-role'

describePg('puzzles of row-level security', () => {
  const databases: TestDatabase[] = []
  beforeAll(async () => {
    const database = await createTestDatabase({ contents: 'bare' })
    databases.push(database)
    const client = new pg.Client(database.superuserUrl)
    await client.connect()
    for (const role of roles)
      await client.query(`do $$ begin create role ${role}; exception when duplicate_object then null; end $$`)
    await client.query(`alter role puzzle_login login noinherit; alter role puzzle_keeper login password '${password}';
      grant puzzle_user to puzzle_keeper`)
    await client.end()
  })
  afterAll(async () => {
    for (const database of databases) await database.close()
  })

  it.each(puzzles)('$name', async (puzzle) => {
    const { sql, as, ask, by, login, happens, reasons, says, advice, never, contents } = puzzle
    const database = await createTestDatabase({ contents: contents === 'platform' ? 'platform' : 'bare' })
    databases.push(database)
    const client = new pg.Client(database.superuserUrl)
    await client.connect()
    try {
      await client.query(`${sql}; reset role`)
      const role = contents === 'platform' ? 'authenticated' : 'puzzle_user'
      const asker = by === undefined ? client : new pg.Client(urlFor(database.name, by, password))
      if (asker !== client) await asker.connect()
      const explanation = await explain(asker, {
        identity: { role, claims: JSON.parse(as) },
        sql: ask,
        timeoutMs: 1_000,
        ...(login !== undefined && { login }),
      })
      if (asker !== client) await asker.end()
      const { outcome, findings, doubts } = explanation
      expect({ reasons: codes(explanation), doubts }).toEqual({ reasons, doubts: [] })
      expect(String(outcome?.problem?.sqlstate ?? outcome?.rows ?? 'not run')).toBe(happens)
      const said = [...findings.map((each) => each.says), explanation.notRun ?? ''].join('\n')
      for (const each of says) expect(said).toContain(each)
      const advised = findings.map((each) => each.advice ?? '').join('\n')
      for (const each of advice) expect(advised).toContain(each)
      for (const each of never) expect(said + advised).not.toContain(each)
      expect(renderExplanation(explanation)).toContain(findings[0]!.says.split('\n')[0])
    } finally {
      await client.end()
    }
  })
})

describe('the puzzles', () => {
  it('have one for every reason that is given', () => {
    const given = new Set(puzzles.flatMap(({ reasons }) => reasons))
    expect(reasonCodes.filter((code) => !given.has(code))).toEqual([])
  })
})
