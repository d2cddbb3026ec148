/** What every subject of the benchmark is asked for: the same rows of the same table, by the same callers. */

/** How a subject is started. Only what it needs of this is used by each. */
export interface Scene {
  /** Owner of the table: no row-level security. */
  readonly ownerUrl: string
  /** Login that may become `web_user`, whose policy trusts a plain setting, as is usual. */
  readonly webUrl: string
  /** Login of the gateway. */
  readonly gatewayUrl: string
  readonly sealKeys: string
  readonly issuer: { readonly iss: string; readonly jwksUrl: string; readonly audience: string }
  /** Connections of the subjects that use node-postgres. */
  readonly poolSize: number
  /** `ROWPASS_*` settings that differ from their defaults. */
  readonly settings: Readonly<Record<string, string>>
  readonly callers: readonly Caller[]
  /** People of the demo's tables, if the stage has them. */
  readonly people: readonly Person[]
}

/** One identity and its rows. */
export interface Caller {
  readonly sub: string
  readonly token: string
  /** As {@link noteSql} takes them. */
  readonly noteIds: readonly number[]
}

/** Tables of people, the same in each: `people.ts`. */
export const peopleTables = {
  /** The demo's table, whose policy reads three claims. */
  demo: 'public.users',
  /** A policy of two claims. */
  twoClaims: 'public.own_users',
  /** The policy that the demo had first, which PostgreSQL computes for each row. */
  first: 'public.first_users',
} as const

/** Somebody of the demo's tables. */
export interface Person {
  readonly id: string
  readonly tenantId: string
  readonly token: string
}

/** The statement that is measured: one row by its primary key. */
export const noteSql = 'select id, owner_id, body from public.notes where id = $1'

/** The same for a table of people. */
export const personSql = (table: string): string => `select id, name, email from ${table} where id = $1`

/** The same in PostGraphile's schema. */
export const noteGraphql = 'query Note($id: Int!) { noteById(id: $id) { id ownerId body } }'
