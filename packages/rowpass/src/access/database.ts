/**
 * One database as all tools see it: the facts, and what follows from them.
 */
import type pg from 'pg'
import { loadParser, type Parser } from '../statement/parser.ts'
import { type Access, createAccess } from './access.ts'
import { type Callers, createCallers } from './callers.ts'
import type { Catalog } from './catalog/catalog.ts'
import { type CatalogScope, readCatalogHere } from './catalog/read.ts'
import { createEffectsJudge, type EffectsJudge } from './effects.ts'
import type { RequestRoles } from './roles.ts'
import { attempt, inTrial, isProblem } from './trial.ts'

/** What is known of a database. */
export interface Database {
  readonly catalog: Catalog
  readonly access: Access
  readonly callers: Callers
  readonly effects: EffectsJudge
}

/**
 * Works out what follows from one reading of the catalogs.
 *
 * @param roles names of the roles of requests, instead of what is found out
 * @throws Failure `input_invalid` where one of the names is no role
 */
export function toDatabase(catalog: Catalog, parser: Parser, roles?: readonly string[]): Database {
  const callers = createCallers(parser, catalog)
  return {
    catalog,
    callers,
    access: createAccess(catalog, roles),
    effects: createEffectsJudge(catalog, callers, parser),
  }
}

/**
 * Reads a database in the transaction that is open, whose settings stay as they are.
 *
 * @throws Error when a catalog is locked, or the reading of one takes a minute
 */
export async function readDatabase(client: pg.ClientBase, reading: CatalogScope = {}): Promise<Database> {
  const parser = await loadParser()
  const catalog = await attempt(client, () => readCatalogHere(client, reading))
  if (isProblem(catalog)) throw new Error(`the catalogs cannot be read: ${catalog.message} (${catalog.sqlstate})`)
  return toDatabase(catalog, parser)
}

/** Finds the roles of requests over a connection that is outside of a transaction, by no more than that needs. */
export async function readRequestRoles(client: pg.ClientBase): Promise<RequestRoles> {
  const parts = { only: ['roles', 'relations', 'columns', 'policies'] } as const
  const { access } = await inTrial(client, { readOnly: true }, () => readDatabase(client, parts))
  return access.requests
}
