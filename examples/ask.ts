import { neon, neonConfig } from '@neondatabase/serverless'

// Sends one statement through the gateway, as whoever is in the token: TOKEN=… npx tsx examples/ask.ts "select 1"
const { GATEWAY_PORT = '4444', GATEWAY_URL = `http://127.0.0.1:${GATEWAY_PORT}/sql`, TOKEN = '' } = process.env
neonConfig.fetchEndpoint = GATEWAY_URL
const sql = neon('postgresql://authenticated@127.0.0.1/rowpass', { authToken: TOKEN })

try {
  console.log(await sql.query(process.argv[2] ?? 'select 1'))
} catch (refusal) {
  console.log(refusal instanceof Error ? refusal.message : refusal)
}
