/**
 * Small JSON files in `.rowpass/` that belong to this folder alone: written whole, readable by their owner only.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Failure } from '../errors.ts'

/** Name of the folder, inside a project, that holds the embedded database, its secrets and the state of a run. */
export const stateFolder = '.rowpass'

/**
 * Makes the state folder of a project, if needed.
 *
 * It may be entered by anyone, because the embedded server of root runs under another uid; each secret in it is 0600.
 * @returns its path
 * @throws Failure `state_invalid` when nothing can be written there
 */
export function makeStateFolder(project: string): string {
  const folder = join(project, stateFolder)
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 })
    const ignore = join(folder, '.gitignore')
    if (!existsSync(ignore)) writeFileSync(ignore, '*\n')
  } catch (error) {
    throw new Failure('state_invalid', { detail: `${folder} cannot be written (${errnoOf(error)})`, cause: error })
  }
  return folder
}

/**
 * Reads a JSON object. Does NOT check its members.
 *
 * @returns undefined when there is no such file
 * @throws Failure `state_invalid` when the file is not a JSON object
 */
export function readJsonFile(path: string): Record<string, unknown> | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined
    throw new Failure('state_invalid', { detail: `${path} cannot be read (${errnoOf(error)})`, cause: error })
  }
  const value = parseJson(text)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  throw new Failure('state_invalid', { detail: `${path} is not a JSON object` })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    // Its message quotes the text, which may be a secret.
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** Replaces a JSON file in one step, mode 0600: a reader sees the old content or the new one. */
export function writeJsonFile(path: string, value: Record<string, unknown>): void {
  mkdirSync(dirname(path), { recursive: true })
  const draft = `${path}.${process.pid}.tmp`
  writeFileSync(draft, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 })
  chmodSync(draft, 0o600)
  try {
    renameSync(draft, path)
  } catch (error) {
    rmSync(draft, { force: true })
    throw error
  }
}

/** Whether an error of the operating system has this code, such as `ENOENT`. */
export function isErrno(error: unknown, code: string): boolean {
  return errnoOf(error) === code
}

/** The code of an operating-system error, or `unknown error`. */
export function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown error'
}
