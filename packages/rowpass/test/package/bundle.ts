/**
 * Bundles of the library entries for the web, and the places where they must run.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { build } from 'esbuild'
import { Miniflare } from 'miniflare'
import { findChromium, openBrowser } from '../support/browser.ts'

/** A bundle and what went into it. */
export interface Bundle {
  readonly text: string
  /** Paths of the files in it. */
  readonly inputs: readonly string[]
  /** What it would still import. */
  readonly imports: readonly string[]
}

/** What `walk` of `examples/library/sign-in.ts` sees, wherever it runs. */
export const walked = ['invalid_grant', 'Bearer', { active: true, sub: 'ada' }, 'invalid_grant', { active: false }]

/** Signs and verifies; each entry brings what it is for, and the other half comes from the platform. */
const programs: Readonly<Record<string, string>> = {
  issuer: `import { generateKey, importSigningKey, issueToken, toJwks } from 'rowpass/issuer'
    import { walk } from './sign-in.ts'
    export async function test() {
      for (const alg of ['ES256', 'RS256', 'EdDSA']) {
        const key = await importSigningKey((await generateKey(alg)).privateJwk)
        const grant = { issuer: 'https://i.example', audience: 'a', subject: 's', clientId: 'c' }
        const parts = (await issueToken(key, grant)).split('.')
        if (parts.length !== 3 || toJwks([key.publicJwk]).keys[0].kid !== JSON.parse(atob(parts[0])).kid) throw new Error(alg)
      }
      return { ok: true, walk: await walk() }
    }`,
  verify: `import { createVerifier, parseBearer } from 'rowpass/verify'
    const url = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
    export async function test() {
      const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
      const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', pair.publicKey)
      const iss = 'https://i.example'
      const now = Math.floor(Date.now() / 1000)
      const text = (value) => url(new TextEncoder().encode(JSON.stringify(value)))
      const input = text({ alg: 'ES256', typ: 'at+jwt', kid: 'k' }) + '.' + text({ iss, aud: 'a', sub: 's', iat: now, exp: now + 60 })
      const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, pair.privateKey, new TextEncoder().encode(input))
      const issuer = { iss, jwksUrl: new URL(iss + '/jwks'), audience: 'a', algorithms: ['ES256'], role: 'authenticated', roles: [], maxTtlSeconds: 60, typ: ['at+jwt'] }
      const verifier = createVerifier([issuer], {
        sha256: (text) => text,
        fetch: async () => new Response(JSON.stringify({ keys: [{ kty, crv, x, y, kid: 'k' }] })),
      })
      const token = parseBearer('Bearer ' + input + '.' + url(new Uint8Array(signature)))
      const { sub } = await verifier.verify(token)
      const refused = await verifier.verify(token + 'AA').then(() => false, (error) => error.code === 'token_invalid')
      return { ok: sub === 's' && refused }
    }`,
}

/** Bundles a program that uses one entry, with the packages that are installed in a folder. */
export async function bundleFor(folder: string, entry: string): Promise<Bundle> {
  const { metafile, outputFiles } = await build({
    stdin: { contents: programs[entry] ?? '', resolveDir: folder, loader: 'js' },
    absWorkingDir: folder,
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2023',
    logLevel: 'silent',
  })
  const [output] = Object.values(metafile.outputs)
  return {
    text: outputFiles[0]?.text ?? '',
    inputs: Object.keys(metafile.inputs).filter((path) => path !== '<stdin>'),
    imports: (output?.imports ?? []).map(({ path }) => path),
  }
}

/** Runs the program of an entry under workerd, without Node's compatibility. */
export async function runInWorkerd(folder: string, entry: string): Promise<unknown> {
  const { text } = await bundleFor(folder, entry)
  const script = `${text}\nexport default { fetch: async () => Response.json(await test()) }`
  const worker = new Miniflare({ modules: true, script, compatibilityDate: '2026-04-01', cf: false })
  try {
    return await (await worker.dispatchFetch('http://localhost/')).json()
  } finally {
    await worker.dispose()
  }
}

/** Runs the program of an entry in a page of Chromium. */
export async function runInBrowser(folder: string, entry: string): Promise<unknown> {
  const { text } = await bundleFor(folder, entry)
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>empty</title>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const executable = await findChromium()
  if (executable === undefined) throw new Error('there is no Chromium on this machine')
  const browser = await openBrowser(executable, { width: 400, height: 300, colorScheme: 'light' })
  try {
    const page = await browser.context.newPage()
    // A page of loopback is a secure context, which WebCrypto asks for.
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    const url = `data:text/javascript;base64,${Buffer.from(text).toString('base64')}`
    // As text: vitest rewrites an import() in a function.
    return await page.evaluate(`import('${url}').then(({ test }) => test())`)
  } finally {
    await browser.close()
    server.close()
  }
}
