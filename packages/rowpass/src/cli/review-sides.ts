/**
 * The two states that `rowpass review` compares: revisions, databases, files, or a database and what changes it.
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { parsePostgresUrl } from '../database/connect.ts'
import { Failure } from '../errors.ts'
import { openScratchServer } from '../scratch/server.ts'
import { readScripts, type Script } from '../scratch/sources.ts'
import { goOn, makeStates } from '../scratch/states.ts'
import { findDatabase } from './chosen-database.ts'
import { parseRange, readRevisions } from './git-scripts.ts'
import type { Io } from './io.ts'
import { describeLoad, openScratch } from './script-database.ts'

/** What stands on the command line. */
export interface SidesChoice {
  readonly what: readonly string[]
  /** The server, or the database that is changed. */
  readonly given: string | undefined
  /** Scripts that fill the tables. */
  readonly rows: readonly string[]
}

/** Both states. */
export interface Sides {
  readonly beforeUrl: string
  readonly afterUrl: string
  /** Whether nobody else works there. */
  readonly alone: boolean
  readonly notes: readonly string[]
  /** See `AccessReview.uncompared`. */
  readonly uncompared: readonly string[]
}

const isUrl = (text: string): boolean => /^postgres(ql)?:\/\//.test(text)

/**
 * Runs `work` with both states, and removes what was made for them.
 *
 * @throws Failure `input_invalid` for what is no pair of states; those of `makeStates` and `openScratch`
 */
export async function withSides<T>(io: Io, choice: SidesChoice, work: (sides: Sides) => Promise<T>): Promise<T> {
  const { what, given, rows } = choice
  const [first = '', second, ...rest] = what
  const range = existsSync(resolve(io.cwd, first)) || isUrl(first) ? undefined : parseRange(first)
  if (range !== undefined) {
    const lists = await readRevisions(io.cwd, range, what.slice(1))
    return withScripts(io, given, { ...lists, fill: readScripts(io.cwd, rows) }, work)
  }
  if (isUrl(first) && second !== undefined && isUrl(second)) {
    if (rest.length > 0) throw new Failure('input_invalid', { detail: 'two databases take nothing besides' })
    const [beforeUrl, afterUrl] = [
      parsePostgresUrl(first, 'the first').href,
      parsePostgresUrl(second, 'the second').href,
    ]
    return work({ beforeUrl, afterUrl, alone: false, notes: [], uncompared: [] })
  }
  if (isUrl(first) || second === undefined) {
    const url = isUrl(first) ? parsePostgresUrl(first, 'the first').href : findDatabase(io, given)
    return withCopies(url, readScripts(io.cwd, isUrl(first) ? what.slice(1) : what), work)
  }
  if (rest.length > 0 || isUrl(second)) {
    throw new Failure('input_invalid', {
      detail: 'give <base>..<head>, two databases, two paths, or a database and a path',
    })
  }
  const lists = { before: readScripts(io.cwd, [first]), after: readScripts(io.cwd, [second]) }
  return withScripts(io, given, { ...lists, fill: readScripts(io.cwd, rows) }, work)
}

async function withScripts<T>(
  io: Io,
  given: string | undefined,
  lists: { before: Script[]; after: Script[]; fill: Script[] },
  work: (sides: Sides) => Promise<T>,
): Promise<T> {
  const { server, close } = await openScratch(io, given)
  try {
    const { before, after, notes } = await makeStates(server, lists)
    const loaded = new Set([...describeLoad(before.report()), ...describeLoad(after.report())])
    return await work({
      beforeUrl: before.url,
      afterUrl: after.url,
      alone: true,
      notes: [...loaded, ...notes],
      uncompared: after.report().ofRoles,
    })
  } finally {
    await close()
  }
}

/** A database as it is and as scripts make it, in two copies of it. */
async function withCopies<T>(url: string, scripts: readonly Script[], work: (sides: Sides) => Promise<T>): Promise<T> {
  if (scripts.length === 0) throw new Failure('input_invalid', { detail: 'what changes the database is missing' })
  const server = await openScratchServer(url)
  try {
    const before = await server.copyOf(url)
    const after = await goOn(server, before, scripts)
    const notes = describeLoad(after.report())
    return await work({
      beforeUrl: before.url,
      afterUrl: after.url,
      alone: true,
      notes,
      uncompared: after.report().ofRoles,
    })
  } finally {
    await server.close()
  }
}
