import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  // The examples import the package by its name; here that is the source.
  resolve: {
    alias: [
      {
        find: /^rowpass\/(\w+)$/,
        replacement: fileURLToPath(new URL('packages/rowpass/src/exports/$1.ts', import.meta.url)),
      },
    ],
  },
  test: {
    include: ['{test,packages/*/test}/**/*.test.ts'],
    globalSetup: ['packages/rowpass/test/support/global-setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Many tests wait: for PostgreSQL, for a limit of time. The default leaves one of two cores idle.
    maxWorkers: Math.max(2, availableParallelism()),
    allowOnly: false,
    // CI reads the numbers of this run from a file; people read the terminal.
    reporters: process.env.TEST_REPORT ? ['default', ['json', { outputFile: process.env.TEST_REPORT }]] : ['default'],
  },
})
