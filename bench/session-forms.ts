/**
 * The forms of `rowpass.claims()` that `bench/session.ts` and `bench/instructions.ts` compare: the one in force, the one before it, and some that
 * were tried and left out. The latter are made by changing the text of the one in force.
 */
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { withConnection } from '../packages/rowpass/src/database/connect.ts'
import {
  type SealedIdentity,
  type SealedSession,
  type SealKey,
  sealSession,
} from '../packages/rowpass/src/seal/seal.ts'

/** One form. `$schema` in its SQL stands for a schema of its own. */
export interface SessionForm {
  readonly name: string
  readonly sql: string
  /** What the policy compares the owner of a row with; without it there is no row-level security. */
  readonly policy?: string
  readonly seal: (key: SealKey, identity: SealedIdentity) => SealedSession
  /** Whether a request carries an identity. */
  readonly hasIdentity: boolean
  /** Whether the token names a session, which is looked up among those that were ended. */
  readonly hasSession: boolean
  /** The whole condition of the policy, instead of {@link policy}. */
  readonly condition?: string
  /** Whether the database remembers the identity, and a request brings its ticket. */
  readonly remembered?: boolean
  /** Whether each request has another identity remembered, and asks for no row. */
  readonly admits?: boolean
}

const inForce = { sql: '', seal: sealSession, hasIdentity: true, hasSession: false }

/** Reads the forms, those in force from the database. */
export async function readForms(ownerUrl: string): Promise<SessionForm[]> {
  const definition = await withConnection(ownerUrl, async (client) => {
    const { rows } = await client.query<{ text: string }>(
      "select pg_get_functiondef('rowpass.claims()'::regprocedure) as text",
    )
    return rows[0]?.text.replace('rowpass.claims()', '$schema.claims()') ?? ''
  })
  const changed = (...changes: [from: string, to: string][]) =>
    changes.reduce((text, [from, to]) => {
      if (!text.includes(from)) throw new Error(`rowpass.claims() does not hold: ${from}`)
      return text.replace(from, () => to)
    }, definition)
  const unchecked = `create function $schema.claims() returns text language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp as 'begin return current_setting(''rowpass.claims'', true); end'`
  const own = "$schema.claims()::json ->> 'sub'"
  const byTicket = { ...inForce, remembered: true }
  // As the demo's policy of `users`, which reads three claims.
  const demo = `(select (auth.session() ->> 'tenant_id')::uuid) is not null
    and (owner_id = (select auth.uid())::text or (select auth.session() ->> 'role') = 'admin')`

  return [
    { ...inForce, name: 'no identity, no policy', hasIdentity: false },
    { ...inForce, name: 'the identity, no policy' },
    { ...inForce, name: 'the setting, unchecked', policy: "current_setting('rowpass.claims', true)::jsonb ->> 'sub'" },
    { ...inForce, name: 'a `SECURITY DEFINER` function that checks nothing', sql: unchecked, policy: own },
    {
      ...inForce,
      name: '`auth.user_id()` as it was first',
      ...firstForm,
      policy: "$schema.session() ->> 'sub'",
    },
    {
      ...inForce,
      name: '`auth.uid()` as it was first',
      ...firstForm,
      sql: `${firstForm.sql}\n${firstUid}`,
      policy: '$schema.uid()::text',
    },
    { ...inForce, name: "**`auth.session() ->> 'sub'`**", policy: "auth.session() ->> 'sub'" },
    { ...inForce, name: '**`auth.user_id()`**', policy: 'auth.user_id()' },
    { ...inForce, name: '**`auth.uid()`**', policy: 'auth.uid()::text' },
    { ...inForce, name: "**`auth.claim_uuid('sub')`**", policy: "auth.claim_uuid('sub')::text" },
    { ...inForce, name: '**`auth.user_id()`, the token names a session**', hasSession: true, policy: 'auth.user_id()' },
    { ...inForce, name: '**three claims, as the demo does**', condition: demo },
    { ...byTicket, name: '**the ticket of an identity, no policy**' },
    { ...byTicket, name: '**ticket: `auth.user_id()`**', policy: 'auth.user_id()' },
    { ...byTicket, name: '**ticket: `auth.uid()`**', policy: 'auth.uid()::text' },
    { ...byTicket, name: "**ticket: `auth.claim_uuid('sub')`**", policy: "auth.claim_uuid('sub')::text" },
    {
      ...byTicket,
      name: '**ticket: `auth.user_id()`, the token names a session**',
      hasSession: true,
      policy: 'auth.user_id()',
    },
    { ...byTicket, name: '**ticket: three claims, as the demo does**', condition: demo },
    { ...inForce, name: '**an admission, once for a token**', admits: true },
    { ...inForce, name: '**an admission, the token names a session**', hasSession: true, admits: true },
    {
      ...inForce,
      name: '– `auth.uid()` with a regular expression',
      policy: "substring(auth.user_id() from '^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$')::uuid::text",
    },
    {
      ...inForce,
      name: '– the fixed `search_path` is left out',
      sql: changed([" SET search_path TO 'pg_catalog', 'pg_temp'\n", '']),
      policy: own,
    },
    {
      ...inForce,
      name: '– the subject is looked up beside the session, in one scan',
      hasSession: true,
      sql: changed([
        "sid = split_part(seal, ':', 4)::uuid",
        "sid in (split_part(seal, ':', 4)::uuid, md5(claims)::uuid)",
      ]),
      policy: own,
    },
    {
      ...inForce,
      name: '– the session is looked up in the query for the key',
      hasSession: true,
      sql: changed(
        [
          "where name = split_part(seal, ':', 2)",
          `where name = split_part(seal, ':', 2)
            and not exists (select from rowpass.revoked_sessions where sid = split_part(seal, ':', 4)::uuid)`,
        ],
        ["split_part(seal, ':', 4) <> ''", 'false'],
      ),
      policy: own,
    },
    {
      ...inForce,
      name: '– hashes of the MACs are compared, not their bits',
      sql: changed(
        [
          "bit_count(split_part(seal, ';', 1)::bit(256) # ('x' || encode(",
          "sha256(decode(substr(seal, 2, 64), 'hex')) = sha256(",
        ],
        ["'UTF8'))), 'hex'))::bit(256)) = 0", "'UTF8'))))"],
      ),
      policy: own,
    },
    {
      ...inForce,
      name: '– the MAC is neither computed nor compared',
      sql: changed([/bit_count\(.*?\)::bit\(256\)\) = 0/s.exec(definition)?.[0] ?? 'bit_count', 'true']),
      policy: own,
    },
    {
      ...inForce,
      name: '– the MAC in the query for the key',
      sql: changed(
        [
          'select inner_pad, outer_pad into inner_key, outer_key',
          `select ${macOf(definition)}, outer_pad into inner_key, outer_key`,
        ],
        [macOf(definition).replace('outer_pad', 'outer_key').replace('inner_pad', 'inner_key'), 'inner_key'],
      ),
      policy: own,
    },
  ]
}

/** The expression of the HMAC, over columns and not variables. */
function macOf(definition: string): string {
  const [, mac = ''] = /encode\((sha256\(outer_key[\s\S]*?'UTF8'\)\)\)), 'hex'/.exec(definition) ?? []
  return mac.replace('outer_key', 'outer_pad').replace('inner_key', 'inner_pad')
}

/** As it was: role and expiry beside the MAC, a row variable, a `jsonb` of all claims. */
const firstForm: Pick<SessionForm, 'sql' | 'seal'> = {
  sql: readFileSync(new URL('session-first-form.sql', import.meta.url), 'utf8'),
  seal(key, { role, exp, claimsJson }) {
    const header = `${key.name}:${role}:${exp}`
    const mac = createHmac('sha256', key.secret).update(`${header}:${claimsJson}`, 'utf8').digest('hex')
    return { claims: claimsJson, seal: `${mac}:${header}` }
  },
}
const firstUid = readFileSync(new URL('session-first-uid.sql', import.meta.url), 'utf8')
