/**
 * Sets the scene of the benchmark: database, issuer with its key set, callers with tokens.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { issueToken } from '../src/issuer/issue.ts'
import { toJwks } from '../src/keys/jwks.ts'
import { generateKey, importSigningKey } from '../src/keys/key.ts'
import { type BenchDatabase, startBenchDatabase } from './database.ts'
import type { Caller, Scene } from './scene.ts'

/** A scene with what it stands on. */
export interface Stage {
  readonly scene: Scene
  readonly database: BenchDatabase
  close(): Promise<void>
}

const owners = 100
const notesOfOne = 100
const audience = 'rowpass'
const ttlSeconds = 86_400

/**
 * Sets up 10,000 rows of 100 callers.
 * @param poolSize connections of the subjects that use node-postgres
 */
export async function setStage(poolSize: number, settings: Scene['settings'] = {}): Promise<Stage> {
  const database = await startBenchDatabase(owners, notesOfOne)
  const { privateJwk } = await generateKey()
  const key = await importSigningKey(privateJwk)
  const jwks = JSON.stringify(toJwks([key.publicJwk]))
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'application/jwk-set+json' }).end(jwks)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const iss = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  async function toCaller(_: unknown, index: number): Promise<Caller> {
    const sub = `user-${index + 1}`
    const grant = { issuer: iss, audience, subject: sub, clientId: 'bench', ttlSeconds }
    const token = await issueToken(key, { ...grant, claims: { tenant_id: crypto.randomUUID(), role: 'member' } })
    return { sub, token, noteIds: Array.from({ length: notesOfOne }, (_, note) => index * notesOfOne + note + 1) }
  }

  const { ownerUrl, webUrl, gatewayUrl, sealKeys } = database
  const issuer = { iss, jwksUrl: `${iss}/jwks.json`, audience }
  const callers = await Promise.all(Array.from({ length: owners }, toCaller))
  return {
    scene: { ownerUrl, webUrl, gatewayUrl, sealKeys, issuer, poolSize, settings, callers },
    database,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await database.close()
    },
  }
}
