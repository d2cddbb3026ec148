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

// Packages import each other by their names; here those are the sources.
const resolve = {
  alias: [
    { find: /^rowpass$/, replacement: source('packages/rowpass/src/exports/index.ts') },
    { find: /^rowpass\/(\w+)$/, replacement: source('packages/rowpass/src/exports/$1.ts') },
    { find: /^@rowpass\/local$/, replacement: source('packages/local/src/index.ts') },
  ],
}
const every = {
  testTimeout: 60_000,
  hookTimeout: 120_000,
  pool: 'forks' as const,
  // Many tests wait: for PostgreSQL, for a limit of time. As many as there are cores leave one idle now and then.
  maxWorkers: availableParallelism() + 1,
}

/** They set the driver's settings, of which a process has one set, or count what a process holds. */
const ownProcess = [
  'packages/rowpass/test/conformance/**/*.test.ts',
  'packages/rowpass/test/gateway/{password,failover,places}.test.ts',
  'packages/local/test/**/*.test.ts',
]

export default defineConfig({
  resolve,
  test: {
    ...every,
    // To load the product takes longer than most files run: a process does it once, and runs many of them.
    projects: [
      {
        resolve,
        test: {
          ...every,
          name: 'shared',
          isolate: false,
          include: ['{test,packages/*/test,demo/test}/**/*.test.ts'],
          exclude: ['**/node_modules/**', ...ownProcess],
        },
      },
      { resolve, test: { ...every, name: 'alone', include: ownProcess } },
    ],
    globalSetup: ['packages/rowpass/test/support/global-setup.ts'],
    sequence: { sequencer: LongestFirst },
    allowOnly: false,
    // CI reads the numbers of this run from a file; people read the terminal.
    reporters: process.env.TEST_REPORT ? ['default', ['json', { outputFile: process.env.TEST_REPORT }]] : ['default'],
  },
})
