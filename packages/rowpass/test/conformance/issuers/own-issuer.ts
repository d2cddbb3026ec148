/** Our own issuer: the API publishes the keys of its bindings, tokens are signed with the private one. */
import { app } from '../../../../../demo/src/app.ts'
import { issueToken } from '../../../src/issuer/issue.ts'
import { type Algorithm, type GeneratedKey, generateKey, importSigningKey } from '../../../src/token/key.ts'
import { startHost } from './host.ts'
import type { RealIssuer } from './real-issuer.ts'

/** What can be asked of our own issuer beyond the others. */
export interface OwnIssuer extends RealIssuer {
  /** Signs a token as if it came from another issuer, for its audience. */
  imitate(iss: string, audience: string, subject: string): Promise<string>
}

/** Starts the API with one key. */
export async function startOwnIssuer(alg: Algorithm = 'ES256'): Promise<OwnIssuer> {
  const host = await startHost()
  let signing: GeneratedKey
  let published: GeneratedKey[] = []

  async function rotate(): Promise<void> {
    signing = await generateKey(alg)
    published = [...published, signing]
    const bindings = {
      DATABASE_URL: 'postgresql://authenticated@127.0.0.1/rowpass',
      ISSUER: host.origin,
      PRIVATE_KEY: JSON.stringify(signing.privateJwk),
      PUBLIC_KEY: JSON.stringify({ keys: published.map(({ publicJwk }) => publicJwk) }),
    }
    host.serve(async (request, response) => {
      const answer = await app.request(request.url ?? '', { headers: { host: host.origin } }, bindings)
      response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text())
    })
  }

  const sign = async (issuer: string, audience: string, subject: string) =>
    issueToken(await importSigningKey(signing.privateJwk), { issuer, audience, subject, clientId: 'web' })

  await rotate()
  const principals = ['2e7e25e8-5445-40bd-8f89-dc19bba64faa', '78a78d6d-0ed0-401c-8322-7885cd1c92ab'] as const
  const jwksPath = '/.well-known/jwks.json'
  return {
    name: 'our own',
    host,
    jwksPath,
    trust: { iss: host.origin, jwks_url: `${host.origin}${jwksPath}`, audience: 'rowpass', algorithms: [alg] },
    principals,
    token: (subject = principals[0]) => sign(host.origin, 'rowpass', subject),
    imitate: sign,
    rotate,
  }
}
