import { appendFile } from 'node:fs/promises'
import pg from 'pg'
import { createAccounts, createIssuer, createKeyRing, createPostgresStore } from 'rowpass/issuer'

const { ISSUER = '', ISSUER_DATABASE_URL = '', KEY_ENCRYPTION_KEYS: encryptionKeys = '' } = process.env
const pool = new pg.Pool({ connectionString: ISSUER_DATABASE_URL })
// A connection that breaks while nobody uses it would end the process.
pool.on('error', (error) => console.error(error.message))
const db = { query: async (text: string, parameters: unknown[]) => (await pool.query(text, parameters)).rows }

const store = createPostgresStore(db, {
  people: {
    home: (userId) =>
      `select u.id as user_id, null::uuid as tenant_id, null::text as role from public.users u where u.id = ${userId}`,
    // Who is in the table already, by the address that they have proved to be theirs, gets the account of that row.
    newcomer: `
      made as (
        insert into public.users (email, name) select email, name from sign_up on conflict (email) do nothing
        returning id as user_id
      ),
      newcomer as (
        select user_id from made union all select u.id from public.users u join sign_up s on s.email = u.email
      )`,
  },
})
const keys = await createKeyRing({ db, encryptionKeys })
const paths = { token: '/token', revoke: '/revoke', introspect: '/introspect' }
export const issuer = createIssuer({ issuer: ISSUER, audience: 'rowpass', keys, store, paths })

/** Yours hands the message to a mail service: whoever reads it sets the password. */
const deliver = (mail: object) => appendFile('outbox.jsonl', `${JSON.stringify(mail)}\n`)
export const accounts = createAccounts({ store, deliver })
