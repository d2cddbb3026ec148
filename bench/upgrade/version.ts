/**
 * Versions of the product beside each other: this checkout, and what a revision of the repository had, as it was built then.
 */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { builtBin } from '../command.ts'

/** A version that can be run. */
export interface Version {
  /** Its revision, short. */
  readonly name: string
  /** Its repository, built. */
  readonly root: string
  /** Its command line. */
  readonly bin: string
}

/** What a command has said. */
export interface Ran {
  readonly code: number | null
  readonly output: string
  readonly said: string
}

const repository = fileURLToPath(new URL('../..', import.meta.url))

/** This checkout, which has been built. Its name ends in `-dirty` where something is not committed. */
export function thisVersion(): Version {
  return { name: git('describe', '--always', '--dirty', '--exclude=*'), root: repository, bin: builtBin }
}

/**
 * Writes what a revision has into a folder, installs the dependencies of its own lock file, and builds it by its own script.
 * @throws the error of git, npm or the build, which have printed what is wrong
 */
export function buildVersion(revision: string, folder: string): Version {
  const name = git('rev-parse', '--short', '--verify', `${revision}^{commit}`)
  mkdirSync(folder)
  const archive = join(folder, 'archive.tar')
  git('archive', `--output=${archive}`, name)
  execFileSync('tar', ['-xf', archive, '-C', folder])
  // npm tells its scripts of the package that it runs: this one, and not the one that is installed there.
  const env = Object.fromEntries(Object.entries(process.env).filter(([setting]) => !/^(npm|INIT_CWD)/.test(setting)))
  for (const args of [
    ['ci', '--no-audit', '--no-fund'],
    ['run', 'build'],
  ]) {
    execFileSync('npm', ['--silent', ...args], { cwd: folder, env, stdio: ['ignore', 2, 2] })
  }
  const bin = ['packages/rowpass/bin/rowpass.js', 'bin/rowpass.js'].find((path) => existsSync(join(folder, path)))
  if (bin === undefined) throw new Error(`${name} has no rowpass.js`)
  return { name, root: folder, bin: join(folder, bin) }
}

/** Whether a version has a setting, by its page of settings, which is generated: it refuses those that it does not know. */
export function knows({ root }: Version, setting: string): boolean {
  return readFileSync(join(root, 'docs/configuration.md'), 'utf8').includes(`\`${setting}\``)
}

/** Runs a command of a version to its end, in a folder where there are no settings. */
export async function run(
  { bin }: Version,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  cwd: string,
): Promise<Ran> {
  const child = spawn(process.execPath, [bin, ...args], {
    cwd,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const [output, said] = await Promise.all([text(child.stdout), text(child.stderr)])
  return { code: await ended, output, said }
}

function git(...args: string[]): string {
  return execFileSync('git', args, { cwd: repository, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim()
}
