/**
 * `@rowpass/local/vitest`: a `globalSetup` that starts a system for a run of tests and ends it after the last one.
 *
 * Applies `drizzle/` and `seed.sql` of the folder that vitest runs in, where they are there, and sets the variables of
 * {@link LocalSystem.env} for the tests.
 *
 * @example
 * // vitest.config.ts
 * export default defineConfig({ test: { globalSetup: ['@rowpass/local/vitest'] } })
 */
import { existsSync } from 'node:fs'
import { type LocalSystem, startLocal } from './start.ts'

let local: LocalSystem | undefined

/** Called by vitest before the first test. */
export async function setup(): Promise<void> {
  local = await startLocal({
    env: process.env,
    ...(existsSync('drizzle') && { migrationsFolder: 'drizzle' }),
    ...(existsSync('seed.sql') && { seedFile: 'seed.sql' }),
  })
  Object.assign(process.env, local.env)
}

/** Called by vitest after the last test. */
export async function teardown(): Promise<void> {
  await local?.stop()
}
