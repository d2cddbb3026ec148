/** The package as a stranger gets it: packed, and installed by npm in an empty folder. */
import { execFile, execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { product, repository } from '../support/pg.ts'
import { startRegistry } from './registry.ts'

const run = promisify(execFile)
const compiler = `${repository}node_modules/typescript/bin/tsc`

/** The package.json of the package. */
export const manifest = JSON.parse(readFileSync(`${product}package.json`, 'utf8'))

/** The examples that are compiled. */
export const programs = ['issuer.ts', 'sign-in.ts', 'verify.ts', 'gateway.ts', 'accounts/issuer.ts']

/** Options of the compiler for people who are strict. */
export const strict = [
  ...['--strict', '--exactOptionalPropertyTypes', '--target', 'ES2023', '--module', 'NodeNext', '--types', 'node'],
]

/** A folder in which it is installed, with the examples of `examples/library` beside it. */
export interface Installation {
  readonly folder: string
  /** Runs Node in the folder. */
  node(args: readonly string[], env?: Record<string, string | undefined>): Promise<{ stdout: string }>
  /** Runs the compiler. */
  tsc(args: readonly string[]): Promise<{ stdout: string }>
  npx(...args: string[]): Promise<{ stdout: string }>
  remove(): void
}

/** @param whileAlone is called with the folder when nothing but the package itself is installed */
export async function installPackage(whileAlone: (folder: string) => void = () => undefined): Promise<Installation> {
  const folder = mkdtempSync(join(tmpdir(), 'rowpass-install-'))
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    npm_config_cache: join(folder, '.npm'),
    npm_config_update_notifier: 'false',
  }
  execFileSync(process.execPath, ['--import', 'tsx', 'tools/build.ts', '--stale'], { cwd: repository })
  const argv = ['pack', '--json', '--ignore-scripts', `--pack-destination=${folder}`]
  const [packed] = JSON.parse(execFileSync('npm', argv, { cwd: product, env, encoding: 'utf8' }))
  const registry = await startRegistry(join(folder, packed.filename))
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  const options = [`--registry=${registry.url}`, '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-online']
  await run('npm', ['install', ...options, 'rowpass'], { cwd: folder, env })
  whileAlone(folder)
  // What the examples and `rowpass/policies` are for; whoever has neither does without.
  await run('npm', ['install', ...options, 'drizzle-orm', '@neondatabase/serverless'], { cwd: folder, env })
  await registry.close()
  cpSync(`${repository}examples/library`, folder, { recursive: true })
  const node: Installation['node'] = (args, more = {}) =>
    run(process.execPath, [...args], { cwd: folder, env: { ...env, ...more } })
  return {
    folder,
    node,
    tsc: (args) => node([compiler, ...args]),
    npx: (...args) => run('npx', ['--no-install', ...args], { cwd: folder, env }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
