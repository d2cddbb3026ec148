import { neon, neonConfig } from '@neondatabase/serverless'

const { PORT = 8787, GATEWAY_PORT = 4444 } = process.env
neonConfig.fetchEndpoint = `http://127.0.0.1:${GATEWAY_PORT}/sql`
const signIn = await fetch(`http://127.0.0.1:${PORT}/api/token?as=david@neon.example`)
const { access_token: authToken } = (await signIn.json()) as { access_token: string }
const sql = neon('postgresql://authenticated@127.0.0.1/rowpass', { authToken })

console.log(await sql`select name, email from users`)
console.log(await sql`select name from tenants`)

const otherTenant = 'e3e0bc31-2df8-4410-9b5d-ff71cf509a8e'
await sql`insert into users (tenant_id, name, email) values (${otherTenant}, 'Mallory', 'm@other.example')`.catch(
  (refusal: Error) => console.log(refusal.message),
)
