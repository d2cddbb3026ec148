/**
 * Our own issuer in the drill: the API over HTTP, with the ring in PostgreSQL that it reads through the gateway.
 */
import { app } from '../../demo/src/app.ts'
import { settingsOf } from '../../demo/src/env.ts'
import { connectTo } from '../../packages/rowpass/src/database/connect.ts'
import { issueToken } from '../../packages/rowpass/src/issuer/issue.ts'
import { generateEncryptionKey, parseEncryptionKeys } from '../../packages/rowpass/src/issuer/ring/encryption.ts'
import { createPostgresRing } from '../../packages/rowpass/src/issuer/ring/postgres.ts'
import { activateSafeAt, activeKey } from '../../packages/rowpass/src/issuer/ring/ring.ts'
import { activate, addNewKey, prune, revoke } from '../../packages/rowpass/src/issuer/ring/steps.ts'
import { startHost } from './host.ts'
import { maxAgeSeconds, type Subject, sleep, ttlSeconds } from './subject.ts'

const jwksPath = '/.well-known/jwks.json'

/** The ring's timing, scaled but for the lag and the skew, which have to cover delays of this very machine. */
const timing = { jwksMaxAgeSeconds: maxAgeSeconds, lagSeconds: 0.2, skewSeconds: 0.3, ttlSeconds }

/** @param gatewayUrl known only once the gateway listens, which is told of this issuer before */
export async function startRowpass(
  urls: { ownerUrl: string; issuerUrl: string; databaseUrl: string },
  gatewayUrl: Promise<string>,
): Promise<Subject> {
  const host = await startHost()
  const secret = generateEncryptionKey('drill')
  const encryptionKeys = await parseEncryptionKeys(secret)
  const store = createPostgresRing({ says: 'the drill', connect: connectTo(urls.ownerUrl), encryptionKeys, timing })
  await addNewKey(store, 'ES256')
  const bindings = gatewayUrl.then((url) => ({
    DATABASE_URL: urls.databaseUrl,
    GATEWAY_URL: url,
    ISSUER: host.origin,
    KEY_ENCRYPTION_KEYS: secret,
    ISSUER_DATABASE_URL: urls.issuerUrl,
  }))
  host.serveFetch(async (request) => app.fetch(request, await bindings))
  return {
    name: 'Rowpass',
    says: 'add, wait, activate; prune',
    trust: { iss: host.origin, jwks_url: `${host.origin}${jwksPath}`, audience: 'rowpass' },
    jwksUrl: `${host.origin}${jwksPath}`,
    async token(ttlSeconds) {
      const { keys } = await settingsOf(await bindings)
      const key = await keys.signingKey(ttlSeconds)
      return issueToken(key, {
        issuer: host.origin,
        audience: 'rowpass',
        subject: 'drill',
        clientId: 'drill',
        ttlSeconds,
      })
    },
    async rotate() {
      const { kid } = await addNewKey(store, 'ES256')
      const { ring, nowMs } = await store.read()
      const key = ring.keys.find((each) => each.kid === kid)
      if (key === undefined) throw new Error('the key that was added is not there')
      await sleep(activateSafeAt(ring, key) - nowMs)
      await activate(store, kid, {})
      await prune(store, undefined, {})
    },
    async remove() {
      const { ring } = await store.read()
      await revoke(store, activeKey(ring)?.kid ?? '', 'ES256')
    },
    fetches: () => host.hits(jwksPath),
    close: host.close,
  }
}
