import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { expect, it } from 'vitest'
import { product } from '../support/pg.ts'

it('what an application takes to seal adds at most 6 KB to a Worker, and brings no driver', async () => {
  const { outputFiles, metafile } = await build({
    stdin: {
      contents: `export { createSeal, sealed } from './src/exports/seal.ts'`,
      resolveDir: product,
      loader: 'ts',
    },
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'browser',
  })
  expect(Object.keys(metafile.inputs).filter((path) => path.includes('node_modules'))).toEqual([])
  const bytes = gzipSync(outputFiles[0]?.contents ?? '').length
  expect(bytes).toBeGreaterThan(1_000)
  expect(bytes).toBeLessThanOrEqual(6 * 1024)
})
