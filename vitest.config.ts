import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  // Packages import each other by their names; here those are the sources.
  resolve: {
    alias: [
      { find: /^rowpass$/, replacement: source('packages/rowpass/src/exports/index.ts') },
      { find: /^rowpass\/(\w+)$/, replacement: source('packages/rowpass/src/exports/$1.ts') },
      { find: /^@rowpass\/local$/, replacement: source('packages/local/src/index.ts') },
    ],
  },
  test: {
    include: ['{test,packages/*/test,demo/test}/**/*.test.ts'],
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
