/**
 * Compiles what is measured to JavaScript, as the published package has it: a loader that strips types at run time adds
 * code to every closure.
 */
import { execFileSync } from 'node:child_process'
import { cpSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const benchFolder = fileURLToPath(new URL('.', import.meta.url))
const outFolder = join(benchFolder, '../node_modules/.cache/rowpass-bench')
const manifest = 'packages/rowpass/package.json'

/**
 * Compiles `bench/subjects` and all that it imports.
 * @returns a function from a subject's file name, without its ending, to the path of its JavaScript
 * @throws the error of the compiler, which has printed what is wrong
 */
export function compileSubjects(): (name: string) => string {
  const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
  execFileSync(process.execPath, [compiler, '-p', join(benchFolder, 'tsconfig.json')], { stdio: 'inherit' })
  // A gateway tells its version, which is there.
  cpSync(join(benchFolder, '..', manifest), join(outFolder, manifest))
  return (name) => join(outFolder, 'bench/subjects', `${name}.js`)
}
