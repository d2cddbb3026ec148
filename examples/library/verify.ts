import { createHash } from 'node:crypto'
import { generateKey, importSigningKey, issueToken, toJwks } from 'rowpass/issuer'
import { createVerifier, Failure, parseBearer } from 'rowpass/verify'

const iss = 'https://issuer.example'
// An issuer, so that the program runs by itself; yours publishes its keys at `jwksUrl`, and `fetch` is left out below.
const key = await importSigningKey((await generateKey()).privateJwk)
const publish = async () => Response.json(toJwks([key.publicJwk]))

const verifier = createVerifier(
  [
    {
      iss,
      jwksUrl: new URL(`${iss}/.well-known/jwks.json`),
      audience: 'rowpass',
      algorithms: ['ES256'],
      role: 'authenticated',
      roles: [],
      maxTtlSeconds: 900,
      typ: ['at+jwt'],
    },
  ],
  { sha256: (text) => createHash('sha256').update(text).digest('base64'), fetch: publish },
)

async function whoIs(request: Request): Promise<string> {
  try {
    const { sub, claims } = await verifier.verify(parseBearer(request.headers.get('authorization')))
    return `${sub} of ${claims.tenant}`
  } catch (error) {
    if (error instanceof Failure) return error.code
    throw error
  }
}

const token = await issueToken(key, {
  ...{ issuer: iss, audience: 'rowpass', subject: 'ada', clientId: 'web' },
  claims: { tenant: 'Neon' },
})
const ask = (authorization: string) => new Request('https://app.example', { headers: { authorization } })
console.log(await whoIs(ask(`Bearer ${token}`)))
console.log(await whoIs(ask(`Bearer ${token.slice(0, -4)}AAAA`)))
console.log(await whoIs(new Request('https://app.example')))
