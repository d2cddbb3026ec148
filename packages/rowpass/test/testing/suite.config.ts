/** Runs a suite that stands in a folder of its own, outside of the repository's tests. */

import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  root: process.env.SUITE_FOLDER ?? '.',
  resolve: {
    alias: [
      { find: /^rowpass\/(\w+)$/, replacement: fileURLToPath(new URL('../../src/exports/$1.ts', import.meta.url)) },
    ],
  },
  // Else it would lie in the folder.
  cacheDir: fileURLToPath(new URL('../../../../node_modules/.vite-suite', import.meta.url)),
  test: { include: ['*.test.ts'], pool: 'threads' },
})
