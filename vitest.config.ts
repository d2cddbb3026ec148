import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** Vitest begins with what is long to read. These are short, and run longest: left for the end, they would run alone. */
const longest =
  /(walk-throughs|oracle|tutorial|create|stories|page|memory|changes|haproxy|backup|rotation|limits|neon)\.test\.ts$/

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLongest = ({ moduleId }: TestSpecification) => longest.test(moduleId)
    const sorted = await super.sort(files)
    return [...sorted.filter(isLongest), ...sorted.filter((file) => !isLongest(file))]
  }
}

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
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: 'forks',
    // Many tests wait: for PostgreSQL, for a limit of time. As many as there are cores leave one idle now and then.
    maxWorkers: availableParallelism() + 1,
    sequence: { sequencer: LongestFirst },
    allowOnly: false,
    // CI reads the numbers of this run from a file; people read the terminal.
    reporters: process.env.TEST_REPORT ? ['default', ['json', { outputFile: process.env.TEST_REPORT }]] : ['default'],
  },
})
