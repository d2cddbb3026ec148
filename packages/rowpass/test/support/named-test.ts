/** Tests that a document or a table names: a file, and words of a title as the file has them. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from './pg.ts'

/** Fewer characters say too little about which test is meant. */
const minLength = 4

/**
 * What is wrong with the name of a test; undefined when a test file has the words.
 *
 * Does NOT tell a title from another text of the file, but for comments, where no title is.
 */
export function findFault(file: string, title: string): string | undefined {
  if (!/^(?:[\w-]+\/)*test\/[\w./-]+\.test\.ts$/.test(file)) return `${file} is not the path of a test`
  if (!existsSync(join(repository, file))) return `there is no ${file}`
  if (title.length < minLength) return `"${title}" does not say which test of ${file} is meant`
  return codeOf(file).includes(title) ? undefined : `${file} has no test "${title}"`
}

const known = new Map<string, string>()

function codeOf(file: string): string {
  const before = known.get(file)
  if (before !== undefined) return before
  const code = readFileSync(join(repository, file), 'utf8').replace(/^\s*\/\*\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
  known.set(file, code)
  return code
}
