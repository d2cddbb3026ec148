import { neon, neonConfig } from '@neondatabase/serverless'
import { createGateway, parseGatewayConfig } from 'rowpass/gateway'

// ROWPASS_DATABASE_URL, ROWPASS_SEAL_KEYS and ROWPASS_ISSUERS; docs/configuration.md has the rest.
const gateway = createGateway(parseGatewayConfig(process.env))
while (!gateway.ready()) await new Promise((resolve) => setTimeout(resolve, 50))

// In the same process, without a socket between the driver and the gateway.
neonConfig.fetchEndpoint = 'http://gateway/sql'
neonConfig.fetchFunction = (url: string, init: RequestInit) => gateway.fetch(new Request(url, init))

const { TOKEN: authToken = '', DATABASE_URL = '' } = process.env
const sql = neon(DATABASE_URL, { authToken })
console.log(await sql`select auth.user_id() as id, current_user as role`)
await sql`select pg_sleep(60)`.catch((refusal: Error) => console.log(refusal.message))

await gateway.close()
