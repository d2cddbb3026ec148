/**
 * Tables and identities on which forms of reading the session are measured: `bench/session.ts`, `bench/instructions.ts`.
 */
import { createHash } from 'node:crypto'
import { withConnection } from '../packages/rowpass/src/database/connect.ts'
import type { GatewayIdentity } from '../packages/rowpass/src/postgres/flight.ts'
import type { SealKey } from '../packages/rowpass/src/seal/seal.ts'
import type { BenchDatabase } from './database.ts'
import type { SessionForm } from './session-forms.ts'

/** Owners of rows, and how many rows each has: the person of index n owns the rows from `n * notesOfOne + 1` on. */
export const people = 100
export const notesOfOne = 100
const endedSessions = 10_000
const otherIdentities = 10_000

/** Where the form of this index has its table. */
export const schemaOf = (index: number): string => `form_${index}`

/** One row by its key, under the policy of the form. */
export const statementOf = (schema: string): string => `select id, owner_id, body from ${schema}.notes where id = $1`

/** Makes the table of each form, and sessions that were ended. */
export async function setUpForms(
  forms: readonly SessionForm[],
  { ownerUrl, superuserUrl }: Pick<BenchDatabase, 'ownerUrl' | 'superuserUrl'>,
): Promise<void> {
  await withConnection(ownerUrl, async (client) => {
    for (const [index, form] of forms.entries()) await client.query(setUpSql(form, schemaOf(index)))
    await client.query(`insert into rowpass.revoked_sessions
      select gen_random_uuid(), now() + interval '1 hour' from generate_series(1, ${endedSessions})`)
    await client.query(`insert into rowpass.identities
      select sha256(n::text::bytea), 'authenticated', now() + interval '1 day', name, null, '{}', null, sha256(n::text::bytea)
        from generate_series(1, ${otherIdentities}) n, rowpass.seal_keys`)
  })
  await withConnection(superuserUrl, (client) => client.query('vacuum (analyze, freeze)'))
}

/** A copy of the table for each form, so that a statement's plan holds that one alone. */
function setUpSql({ sql, ...form }: SessionForm, schema: string): string {
  return `create schema ${schema};
    create table ${schema}.notes (like public.notes including all);
    insert into ${schema}.notes select id, md5(owner_id)::uuid::text, body from public.notes;
    ${sql.replaceAll('$schema', schema)};
    ${policySql(form, schema)};
    grant usage on schema ${schema} to authenticated, rowpass_gateway;
    grant select on ${schema}.notes to authenticated, rowpass_gateway;
    grant execute on all functions in schema ${schema} to authenticated`
}

function policySql({ policy, condition }: Pick<SessionForm, 'policy' | 'condition'>, schema: string): string {
  const whole =
    condition ?? (policy === undefined ? undefined : `owner_id = (select ${policy.replaceAll('$schema', schema)})`)
  if (whole === undefined) return ''
  return `alter table ${schema}.notes enable row level security;
    create policy own on ${schema}.notes to authenticated using (${whole})`
}

/** A person's sealed claims, of some 350 bytes. */
export function identityOf({ seal, hasSession }: SessionForm, key: SealKey, person: number): GatewayIdentity {
  const iat = Math.floor(Date.now() / 1000)
  const exp = iat + 86_400
  const sid = hasSession ? { sid: crypto.randomUUID() } : {}
  const claimsJson = JSON.stringify({
    ...{ iss: 'http://127.0.0.1:8787', aud: 'rowpass', sub: subjectOf(person), client_id: 'bench', iat, exp },
    ...{ jti: crypto.randomUUID(), tenant_id: crypto.randomUUID(), role: 'member', ...sid },
  })
  return { role: 'authenticated', session: seal(key, { role: 'authenticated', exp, claimsJson, ...sid }) }
}

/** The owner of a person's rows, as {@link setUpSql} writes it. */
function subjectOf(person: number): string {
  const digest = createHash('md5')
    .update(`user-${person + 1}`)
    .digest('hex')
  return digest.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
