/**
 * Who works with a database: the roles that it names, and people as whom requests come.
 */
import type pg from 'pg'
import type { Relation, Role } from '../../access/catalog/catalog.ts'
import { type ComparedColumn, findComparedColumns, toClaims } from '../../access/claims.ts'
import type { ClaimsCarrier } from '../../access/identity.ts'
import { attempt, isProblem } from '../../access/trial.ts'
import type { Parser } from '../../statement/parser.ts'
import type { Model } from '../analysis/model.ts'

/** A role with the claims of somebody, or with none. */
export interface Worker {
  readonly role: Role
  readonly claims: Readonly<Record<string, unknown>>
  /** Whether requests run as the role. */
  readonly serves: boolean
  /** As reports call it: `authenticated with claims`; claims are not shown. */
  readonly called: string
}

const maxRoles = 24
const maxPeople = 3
const maxLooked = 500

/**
 * Roles that own something, that a grant or a policy names, and logins that inherit from one of these: roles of requests first,
 * then logins. Superusers are none: nothing can be taken from them.
 */
export function workingRoles({ catalog, access, policies }: Model): { roles: Role[]; leftOut: number } {
  const relations = [...catalog.relations.values()].filter(({ extension }) => extension === undefined)
  const api = new Set(access.apiRoles.map(({ oid }) => oid))
  const named = new Set([
    catalog.database.reader,
    ...api,
    ...policies.flatMap(({ roles }) => roles),
    ...relations.flatMap(({ owner, grants, columns }) => [
      owner,
      ...[...grants, ...columns.flatMap((column) => column.grants)].map(({ grantee }) => grantee),
    ]),
    ...[...catalog.routines.values()].filter(({ extension }) => extension === undefined).map(({ owner }) => owner),
  ])
  // A login that only inherits from roles of requests, as of another database here, has and loses what they do.
  const works = new Set([...named].filter((each) => !api.has(each)))
  const rank = ({ oid, login }: Role): number => (api.has(oid) ? 0 : login ? 1 : 2)
  const roles = [...catalog.roles.values()]
    .filter(({ superuser, name }) => !superuser && !name.startsWith('pg_'))
    .filter(({ oid, inherits, login }) => named.has(oid) || (login && inherits.some((each) => works.has(each))))
    .sort((a, b) => rank(a) - rank(b))
  return { roles: roles.slice(0, maxRoles), leftOut: Math.max(0, roles.length - maxRoles) }
}

/**
 * Claims of a few people: values of the columns that policies compare with claims, of the tables with most of them.
 *
 * Rows that FORCE hides from the connection are not seen; then there is nobody.
 */
export async function findPeople(
  client: pg.ClientBase,
  model: Model,
  parser: Parser,
  carrier: ClaimsCarrier | undefined,
): Promise<readonly Worker['claims'][]> {
  const tables = new Map<Relation, Map<string, ComparedColumn>>()
  for (const each of findComparedColumns(model, parser, carrier)) {
    const claims = tables.get(each.relation) ?? new Map<string, ComparedColumn>()
    if (!claims.has(each.claim)) claims.set(each.claim, each)
    tables.set(each.relation, claims)
  }
  const people: Worker['claims'][] = []
  for (const [{ sql }, claims] of [...tables].toSorted(([, a], [, b]) => b.size - a.size)) {
    if (people.length >= maxPeople) break
    const list = [...claims.values()]
    const values = `array[${list.map(({ column }) => `${column.sql}::text`).join(', ')}]`
    const found = await attempt(client, () =>
      client.query<{ values: (string | null)[] }>(
        `select distinct values from (select ${values} as values from ${sql} limit ${maxLooked}) as found limit 2`,
      ),
    )
    if (isProblem(found)) continue
    for (const row of found.rows) {
      if (row.values.includes(null) || people.length >= maxPeople) continue
      people.push(toClaims(list.map(({ claim }, index) => [claim, row.values[index] ?? ''])))
    }
  }
  return people
}
