/**
 * Finds the wrangler configuration of a project.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../errors.ts'

/**
 * The path of the project's `wrangler.jsonc`, `.json` or `.toml`.
 * @throws Failure `config_invalid` when the folder has none: it is no project
 */
export function workerConfig(directory: string): string {
  const names = ['wrangler.jsonc', 'wrangler.json', 'wrangler.toml']
  const found = names.map((name) => join(directory, name)).find((path) => existsSync(path))
  if (found === undefined)
    throw new Failure('config_invalid', {
      detail: `${directory} has no wrangler.jsonc: it is not the folder of an application`,
    })
  return found
}
