import { build } from 'esbuild'
import { Miniflare } from 'miniflare'
import { describe, expect, it } from 'vitest'
import { createSeal } from '../../src/seal/create-seal.ts'
import { parseSealKeys } from '../../src/seal/keys.ts'
import { sealSession } from '../../src/seal/seal.ts'
import { createVerifier } from '../../src/token/verifier.ts'
import { startTestIssuer } from '../support/gateway.ts'
import { product, sealKeysText } from '../support/pg.ts'

const keys = parseSealKeys(sealKeysText)
const exp = 4_000_000_000

describe('a seal that an application makes', () => {
  it.each([
    ['no session', undefined],
    ['a session that is a uuid', '7c9e6679-7425-40de-944b-e07fc1f90ae7'],
    ['a session that is none', 'any text ✓'],
    ['a session that is no text', 7],
  ])('is that of the gateway, with %s', async (_title, sid) => {
    const claims = { sub: 'ada', exp, ...(sid !== undefined && { sid }) }
    const gateways = sealSession(keys[0], { role: 'app', exp, claimsJson: JSON.stringify(claims), sid })
    expect(await createSeal({ keys: sealKeysText, role: 'app' })(claims)).toEqual({ role: 'app', session: gateways })
  })

  it('of a verified token has its role, its text and the time for which it is accepted', async () => {
    const issuer = await startTestIssuer()
    const verifier = createVerifier({
      issuer: issuer.iss,
      jwksUrl: new URL(issuer.jwksUrl),
      audience: 'rowpass',
      role: 'app',
      leewaySeconds: 90,
      allowPrivateNetwork: true,
    })
    const token = await verifier.verify(await issuer.token('ada', { sid: 's' }))
    const narrowed = await verifier.verify(await issuer.token('ada', { scope: 'sql:read' }))
    await issuer.close()
    const { role, session } = await createSeal({ keys })(token)
    expect(role).toBe('app')
    const identity = { role, exp: token.exp + 60, claimsJson: token.claimsJson, sid: 's' }
    expect(session).toEqual(sealSession(keys[0], identity))
    // SEC-82: nothing would hold it to its scopes.
    await expect(createSeal({ keys })(narrowed)).rejects.toMatchObject({ code: 'option_invalid' })
    expect(await createSeal({ keys, allowNarrowed: true })(narrowed)).toMatchObject({ role: 'app' })
  })

  it('SEC-83 is not made of claims that look like a verified token', async () => {
    const claimsJson = JSON.stringify({ sub: 'bob', exp })
    const lookalike = { sub: 'ada', exp, acceptedUntil: exp, role: 'owner', claims: { sub: 'bob' }, claimsJson }
    await expect(createSeal({ keys })(lookalike)).rejects.toMatchObject({ code: 'option_invalid' })
  })

  it.each([
    ['without "exp"', { sub: 'ada' }],
    ['with an "exp" that is a text', { sub: 'ada', exp: '1' }],
    ['with an "exp" without end', { sub: 'ada', exp: Number.POSITIVE_INFINITY }],
    ['that are none', undefined],
  ])('is not made of claims %s', async (_title, claims) => {
    await expect(createSeal({ keys })(claims as never)).rejects.toThrow('claims have no "exp"')
  })

  it('is made once for the same claims, as long as they are among those remembered', async () => {
    const seal = createSeal({ keys, cacheSize: 2 })
    const first = await seal({ sub: 'ada', exp })
    expect(await seal({ sub: 'ada', exp })).toBe(first)
    for (const sub of ['bob', 'cid', 'dan']) await seal({ sub, exp })
    const again = await seal({ sub: 'ada', exp })
    expect(again).not.toBe(first)
    expect(again).toEqual(first)
    const forgetful = createSeal({ keys, cacheSize: 0 })
    expect(await forgetful({ sub: 'ada', exp })).not.toBe(await forgetful({ sub: 'ada', exp }))
  })

  it.each([
    ['no key', { keys: [] }],
    ['a key that is none', { keys: 'main:c2hvcnQ' }],
    ['a role with a colon', { keys, role: 'app:x' }],
    ['a size that is none', { keys, cacheSize: -1 }],
  ])('SEC-25 needs more than %s, and says so without the secret', (_title, options) => {
    expect(() => createSeal(options)).toThrow(expect.objectContaining({ code: 'option_invalid' }))
    expect(() => createSeal(options)).not.toThrow('c2hvcnQ')
  })

  it('is the same in workerd', async () => {
    const contents = `import { createSeal } from './src/exports/seal.ts'
      const claims = { sub: 'ada ✓', exp: ${exp}, sid: 'any text ✓' }
      export default { fetch: async () => Response.json(await createSeal({ keys: '${sealKeysText}' })(claims)) }`
    const stdin = { contents, resolveDir: product, loader: 'ts' } as const
    const { outputFiles } = await build({ stdin, bundle: true, write: false, format: 'esm', platform: 'browser' })
    const worker = new Miniflare({ modules: true, script: outputFiles[0]?.text ?? '', cf: false })
    const sealed = await (await worker.dispatchFetch('http://worker/')).json()
    await worker.dispose()
    expect(sealed).toEqual(await createSeal({ keys: sealKeysText })({ sub: 'ada ✓', exp, sid: 'any text ✓' }))
  })
})
