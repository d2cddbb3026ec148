/**
 * The database of `examples/library/accounts`, as docs/issuer-in-your-app.md prepares it.
 */
import { readFileSync } from 'node:fs'
import { connectTo, withConnection } from '../../src/database/connect.ts'
import { addClient } from '../../src/issuer/clients.ts'
import { generateEncryptionKey, parseEncryptionKeys } from '../../src/issuer/ring/encryption.ts'
import { createPostgresRing } from '../../src/issuer/ring/postgres.ts'
import { addNewKey } from '../../src/issuer/ring/steps.ts'
import { repository, type TestDatabase } from './pg.ts'

/** Where the programs are, ending in a slash. */
export const accountsExample = `${repository}examples/library/accounts/`

/**
 * Makes the tables, the first key, and the client `web`.
 *
 * @param database of contents `platform`
 * @returns the variables that `issuer.ts` reads
 */
export async function prepareAccounts(database: TestDatabase): Promise<Readonly<Record<string, string>>> {
  const secret = generateEncryptionKey('test')
  const encryptionKeys = await parseEncryptionKeys(secret)
  await addNewKey(createPostgresRing({ says: '', connect: connectTo(database.ownerUrl), encryptionKeys }), 'ES256')
  await withConnection(database.superuserUrl, async (client) => {
    await client.query(readFileSync(`${accountsExample}database.sql`, 'utf8'))
    await addClient(client, { clientId: 'web', isPublic: true, grants: ['password', 'refresh'], scopes: [] })
  })
  return {
    ISSUER: 'https://app.example/auth',
    ISSUER_DATABASE_URL: database.issuerUrl,
    KEY_ENCRYPTION_KEYS: secret,
  }
}
