/**
 * Scripts of a revision of the repository that a command runs in.
 */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { Failure } from '../errors.ts'
import { readScripts, type Script } from '../scratch/sources.ts'

const run = promisify(execFile)
const maxBytes = 300 * 1024 * 1024
const maxFiles = 20_000

/** `main..HEAD`, `main...HEAD` or `main..`: two revisions, and whether the first is where they parted. */
export interface RevisionRange {
  readonly base: string
  readonly head: string
  readonly isFork: boolean
}

/** Reads a range as git writes it; undefined for other texts. */
export function parseRange(text: string): RevisionRange | undefined {
  const [, base, dots, head = ''] = /^([^\s.-][^\s]*?)(\.{2,3})([^\s.-][^\s]*)?$/.exec(text) ?? []
  return base === undefined ? undefined : { base, head: head === '' ? 'HEAD' : head, isFork: dots === '...' }
}

/**
 * Reads the scripts of paths as they are in both revisions. Nothing is checked out.
 *
 * @param directory in the repository; paths are relative to it
 * @throws Failure `input_invalid` where git knows no such revision, or a revision has no script there
 */
export async function readRevisions(
  directory: string,
  { base, head, isFork }: RevisionRange,
  paths: readonly string[],
): Promise<{ before: Script[]; after: Script[] }> {
  const first = isFork ? await git(directory, ['merge-base', '--', base, head]) : base
  return {
    before: await readRevision(directory, first.trim(), paths),
    after: await readRevision(directory, head, paths),
  }
}

async function readRevision(directory: string, revision: string, paths: readonly string[]): Promise<Script[]> {
  const commit = (await git(directory, ['rev-parse', '--verify', '--end-of-options', `${revision}^{commit}`])).trim()
  const listed = await git(directory, [
    'ls-tree',
    '-r',
    '-z',
    '--name-only',
    commit,
    '--',
    ...(paths.length > 0 ? paths : ['.']),
  ])
  const files = listed.split('\0').filter((name) => /\.sql$|(^|\/)meta\/_journal\.json$/.test(name))
  if (files.length > maxFiles)
    throw new Failure('input_invalid', { detail: `${files.length} scripts are more than ${maxFiles}` })
  const folder = mkdtempSync(join(tmpdir(), 'rowpass-revision-'))
  try {
    for (const name of files) {
      const place = join(folder, name)
      mkdirSync(dirname(place), { recursive: true })
      writeFileSync(place, await git(directory, ['show', `${commit}:./${name}`]))
    }
    const scripts = readScripts(folder, paths.length > 0 ? paths : ['.'])
    return scripts.map((script) => ({ ...script, name: `${revision}:${script.name}` }))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function git(directory: string, argv: readonly string[]): Promise<string> {
  try {
    const { stdout } = await run('git', argv, { cwd: directory, maxBuffer: maxBytes })
    return stdout
  } catch (error) {
    const { stderr = '', code } = error as { stderr?: string; code?: unknown }
    const detail = code === 'ENOENT' ? 'git is not installed' : `git: ${stderr.trim().split('\n')[0] ?? ''}`
    throw new Failure('input_invalid', { detail, cause: error })
  }
}
