import { neon, neonConfig } from '@neondatabase/serverless'
import { importSigningKey, issueToken } from 'rowpass/issuer'

// What `rowpass-local` has put into the environment.
const { DATABASE_URL = '', GATEWAY_URL = '', ISSUER = '', AUDIENCE = '', PRIVATE_KEY = '' } = process.env
neonConfig.fetchEndpoint = GATEWAY_URL

const key = await importSigningKey(PRIVATE_KEY)
const tokenOf = (subject: string) =>
  issueToken(key, { issuer: ISSUER, audience: AUDIENCE, subject, clientId: 'example' })
const as = async (subject: string) => neon(DATABASE_URL, { authToken: await tokenOf(subject) })

const [ada, bob] = [await as('ada'), await as('bob')]
await ada`insert into notes (text) values ('from Ada')`
console.log('Ada', await ada`select text from notes`)
console.log('Bob', await bob`select text from notes`)
