/**
 * Sets the scene of the benchmark: database, issuer with its key set, callers with tokens.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { issueToken } from '../packages/rowpass/src/issuer/issue.ts'
import { toJwks } from '../packages/rowpass/src/token/jwks.ts'
import { generateKey, importSigningKey, type SigningKey } from '../packages/rowpass/src/token/key.ts'
import { type BenchDatabase, startBenchDatabase } from './database.ts'
import { fillPeopleTables, makePeopleTables, personOf } from './people.ts'
import type { Caller, Person, Scene } from './scene.ts'

/** A scene with what it stands on. */
export interface Stage {
  readonly scene: Scene
  readonly database: BenchDatabase
  readonly issuer: StageIssuer
  close(): Promise<void>
}

/** An issuer whose key set is served on loopback. */
export interface StageIssuer {
  readonly iss: string
  readonly jwksUrl: string
  /** @param tenantId a random one by default @param sid of its session; none by default */
  token(subject: string, tenantId?: string, sid?: string): Promise<string>
  /** While it is down, the key set answers 503. */
  setDown(down: boolean): void
  /** How long the key set takes to answer; 0 at first. */
  setDelay(ms: number): void
  /** Signs with a new key from now on; the one before stays published. */
  changeKey(): Promise<void>
  close(): Promise<void>
}

const audience = 'rowpass'
const ttlSeconds = 86_400

/** What to set up. */
export interface StageOptions {
  readonly owners: number
  readonly notesOfOne: number
  /** Connections of the subjects that use node-postgres. */
  readonly poolSize: number
  /** `ROWPASS_*` settings of the gateway that differ from their defaults. */
  readonly settings?: Scene['settings']
  /** How many people are in the demo's tables; without it there are no such tables. */
  readonly people?: number
}

/** Sets up the rows, and one caller for each owner. */
export async function setStage({ owners, notesOfOne, poolSize, settings = {}, people }: StageOptions): Promise<Stage> {
  const database = await startBenchDatabase(owners, notesOfOne)
  const issuer = await startIssuer()
  const persons: Promise<Person>[] = []
  if (people !== undefined) {
    await makePeopleTables(database)
    await fillPeopleTables(database, people)
    for (let index = 0; index < people; index += people / owners) {
      const person = personOf(index)
      persons.push(issuer.token(person.id, person.tenantId).then((token) => ({ ...person, token })))
    }
  }
  const { ownerUrl, webUrl, gatewayUrl, sealKeys } = database
  const { iss, jwksUrl } = issuer
  return {
    scene: {
      ...{ ownerUrl, webUrl, gatewayUrl, sealKeys, poolSize, settings },
      issuer: { iss, jwksUrl, audience },
      callers: await makeCallers(issuer, owners, notesOfOne),
      people: await Promise.all(persons),
    },
    database,
    issuer,
    async close() {
      await issuer.close()
      await database.close()
    },
  }
}

/** One caller for each owner of `notes`. */
export function makeCallers(issuer: StageIssuer, owners: number, notesOfOne: number): Promise<Caller[]> {
  const callers = Array.from({ length: owners }, async (_, index): Promise<Caller> => {
    const sub = `user-${index + 1}`
    const noteIds = Array.from({ length: notesOfOne }, (_, note) => index * notesOfOne + note + 1)
    return { sub, token: await issuer.token(sub), noteIds }
  })
  return Promise.all(callers)
}

/** Starts one. */
export async function startIssuer(): Promise<StageIssuer> {
  let key = await newKey()
  const published = [key.publicJwk]
  let down = false
  let delayMs = 0
  const server = createServer(async (_, response) => {
    if (delayMs > 0) await delay(delayMs)
    if (down) response.writeHead(503).end()
    else response.writeHead(200, { 'content-type': 'application/jwk-set+json' }).end(JSON.stringify(toJwks(published)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const iss = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    iss,
    jwksUrl: `${iss}/jwks.json`,
    token(subject, tenantId = crypto.randomUUID(), sid) {
      const claims = { tenant_id: tenantId, role: 'member', ...(sid !== undefined && { sid }) }
      return issueToken(key, { issuer: iss, audience, subject, clientId: 'bench', ttlSeconds, claims })
    },
    setDown(value) {
      down = value
    },
    setDelay(ms) {
      delayMs = ms
    },
    async changeKey() {
      key = await newKey()
      published.push(key.publicJwk)
    },
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

async function newKey(): Promise<SigningKey> {
  const { privateJwk } = await generateKey()
  return importSigningKey(privateJwk)
}
