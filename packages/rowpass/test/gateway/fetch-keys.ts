/** Fetches the key set at the URL in its arguments as the gateway would, and prints what came of it. A process of its own: Node reads its CAs once. */
import { createProxyFetch } from '../../src/gateway/proxy.ts'
import { fetchJwks } from '../../src/token/fetch-jwks.ts'

const url = new URL(process.argv[2] ?? '')
const outcome = await fetchJwks({ iss: 'https://issuer.test', url, fetch: createProxyFetch(process.env) }).then(
  ({ body }) => new TextDecoder().decode(body),
  (error: Error) => error.message,
)
console.log(outcome)
