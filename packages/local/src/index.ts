/**
 * `@rowpass/local`: PostgreSQL and a gateway on this machine, without an account and without Docker.
 */
import { define as defineDev } from './dev.ts'
import { define as defineLocal } from './local.ts'

/** For the program `rowpass`, which has them when this package is installed. */
export const commands = { dev: defineDev, local: defineLocal }
export { type EmbeddedOptions, type EmbeddedPostgres, startEmbeddedPostgres } from './postgres/embedded.ts'
export { type LocalDatabase, openLocalDatabase } from './postgres/local-database.ts'
export { openScratchPostgres, type ScratchPostgres } from './postgres/scratch.ts'
export { type LocalOptions, type LocalSystem, startLocal } from './start.ts'
