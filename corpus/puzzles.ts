/**
 * Puzzles: a schema, somebody who asks, and what has to be said about what they get.
 */
import { readdirSync, readFileSync } from 'node:fs'
import pg from 'pg'
import { sqlstateOf } from '../packages/rowpass/src/database/connect.ts'

/** One puzzle; fields in comments at the head of its file. */
export interface Puzzle {
  readonly name: string
  /** Makes tables and rows; for a superuser in an empty database with `puzzleRoles`. */
  readonly schema: string
  /** Claims of who asks, as JSON. */
  readonly as: string
  readonly ask: string
  /** Who looks into it; the superuser without it. */
  readonly by: string | undefined
  /** The login that requests arrive on. */
  readonly login: string | undefined
  /** Rows, a SQLSTATE, or `not run` where nobody should. */
  readonly happens: string
  /** Codes of the reasons as `rowpass why` has them. */
  readonly reasons: readonly string[]
  /** Words that an explanation has, in what it says and in what it advises, and words that would be wrong. */
  readonly says: readonly string[]
  readonly advice: readonly string[]
  readonly never: readonly string[]
  /** `platform`: what Rowpass itself makes has to be there. */
  readonly contents: string | undefined
}

/** The role that asks. */
export const puzzleUser = 'puzzle_user'

/** Roles of the whole cluster that puzzles take for granted, and the password of the one that looks into some. */
export const puzzleRoles = ['puzzle_user', 'puzzle_owner', 'puzzle_login', 'puzzle_group', 'puzzle_keeper']
export const puzzlePassword = 'of-a-throw-away-role'

/** Makes those that are not there. */
export async function ensurePuzzleRoles(client: pg.Client): Promise<void> {
  for (const role of puzzleRoles)
    await client.query(`do $$ begin create role ${role}; exception when duplicate_object then null; end $$`)
  await client.query(`alter role puzzle_login login noinherit;
    alter role puzzle_keeper login password ${pg.escapeLiteral(puzzlePassword)};
    grant puzzle_user to puzzle_keeper`)
}

const folder = new URL('puzzles/', import.meta.url)

/** All puzzles, by name. */
export function loadPuzzles(): Puzzle[] {
  return readdirSync(folder).sort().map(readPuzzle)
}

function readPuzzle(file: string): Puzzle {
  const sql = readFileSync(new URL(file, folder), 'utf8')
  const field = (name: string) => new RegExp(`^-- ${name}: (.*)$`, 'm').exec(sql)?.[1]
  const list = (name: string) => (field(name) ?? '').split(', ').filter((each) => each !== '')
  return {
    name: file.replace('.sql', ''),
    schema: `${sql}; reset role`,
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

/**
 * Asks in a transaction that is rolled back, without any tool between: how many rows, or the SQLSTATE. Claims go into every
 * setting that the schema reads: all of them into one whose name ends with `claims`, else the one of its last word. At
 * most a second.
 */
export async function askDirectly(client: pg.Client, puzzle: Puzzle): Promise<string> {
  const claims = JSON.parse(puzzle.as) as Readonly<Record<string, unknown>>
  await client.query('begin')
  try {
    await client.query('set local statement_timeout = 1000')
    for (const [, setting = ''] of puzzle.schema.matchAll(/current_setting\('+([\w.]+)'+/g)) {
      const claim = claims[setting.split('.').at(-1) ?? '']
      const value = setting.endsWith('claims') ? puzzle.as : typeof claim === 'object' ? JSON.stringify(claim) : claim
      if (value !== undefined) await client.query('select set_config($1, $2, true)', [setting, value])
    }
    await client.query(`set local role ${puzzleUser}`)
    const { rowCount } = await client.query(puzzle.ask)
    await client.query('set constraints all immediate')
    return String(rowCount)
  } catch (error) {
    const code = sqlstateOf(error)
    if (code === undefined) throw error
    return code
  } finally {
    await client.query('rollback')
  }
}
