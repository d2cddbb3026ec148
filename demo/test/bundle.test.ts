import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { demo, repository } from '../../packages/rowpass/test/support/pg.ts'

describe('wrangler deploy --dry-run', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rowpass-bundle-'))
  let said = ''

  const dryRun = (...more: string[]): string =>
    execFileSync(
      process.execPath,
      [`${repository}node_modules/wrangler/bin/wrangler.js`, 'deploy', '--dry-run', ...more],
      {
        cwd: demo,
        encoding: 'utf8',
        env: { PATH: process.env.PATH, HOME: folder, WRANGLER_SEND_METRICS: 'false', WRANGLER_HIDE_BANNER: 'true' },
      },
    )
  beforeAll(() => {
    said = dryRun()
    // Where each part comes from can be read only there.
    dryRun('--minify=false', `--outdir=${folder}`)
  })

  afterAll(() => rmSync(folder, { recursive: true }))

  it('works without network and account, with the page and the header of the edge as its bindings', () => {
    expect(said).toContain('--dry-run: exiting now.')
    expect(said.match(/env\.\w+/g)).toEqual(['env.ASSETS', 'env.ADDRESS_HEADER'])
  })

  it('weighs 170 KiB at most on the wire, 7 of them for the description of the API', () => {
    expect(Number(/gzip: ([\d.]+) KiB/.exec(said)?.[1])).toBeLessThanOrEqual(170)
  })

  it('bundles nothing of Node, of the gateway, or of zod in other languages', () => {
    const bundle = readFileSync(join(folder, 'index.js'), 'utf8')
    expect(bundle.includes('/api/tenants')).toBe(true)
    expect([...bundle.matchAll(/^import .* from "(.*)";$/gm)].map(([, name]) => name)).toEqual([])
    const rooms = new Set(
      [...bundle.matchAll(/^\/\/ \.\.\/packages\/rowpass\/dist\/([\w-]+)[/.]/gm)].map(([, room]) => room),
    )
    expect([...rooms].sort()).toEqual(['errors', 'failures', 'issuer', 'network', 'policies', 'seal', 'token'])
    expect(bundle.includes('Ungültige Eingabe')).toBe(false)
    expect(statSync(join(folder, 'index.js')).size).toBeLessThan(1_000_000)
  })

  it('SEC-25 has no key, password or address in the configuration that is committed', () => {
    const configuration = readFileSync(`${demo}wrangler.jsonc`, 'utf8').replaceAll(/^\s*\/\/.*$/gm, '')
    expect(JSON.parse(configuration).vars).toEqual({ ADDRESS_HEADER: 'CF-Connecting-IP' })
    expect(configuration).not.toMatch(
      /postgres(ql)?:\/\/|"d"|PRIVATE_KEY|KEY_RING|KEY_ENCRYPTION_KEYS|ISSUER_DATABASE_URL/,
    )
  })
})
