/** Reads what the packages export, with its docstrings, out of the declarations that are published. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Declarations by the name that a program imports. Not `rowpass/operate`, which is for `@rowpass/local` alone. */
export const entries: Readonly<Record<string, string>> = {
  rowpass: 'packages/rowpass/dist/exports/index.d.ts',
  ...Object.fromEntries(
    ['issuer', 'verify', 'seal', 'gateway', 'policies', 'schema', 'doctor', 'testing'].map((name) => [
      `rowpass/${name}`,
      `packages/rowpass/dist/exports/${name}.d.ts`,
    ]),
  ),
  '@rowpass/local': 'packages/local/dist/index.d.ts',
}

/** One thing that an entry exports. */
export interface Exported {
  readonly name: string
  readonly entry: string
  /** Whether it is there at run time; else it is a type alone. */
  readonly isValue: boolean
  readonly isFunction: boolean
  /** The docstring without its stars, tags included. */
  readonly docstring: string
  /** As it is declared, under the name in its own file. */
  readonly declaration: string
  readonly example: string | undefined
}

/** What an entry is, in the words at its head. */
export function readHead(entry: string): string {
  const text = readFileSync(join(root, entries[entry] ?? ''), 'utf8')
  return withoutStars(/^\/\*\*([\s\S]*?)\*\//.exec(text)?.[1] ?? '')
}

/** Everything that an entry exports. */
export function readEntry(entry: string): Exported[] {
  return exportsOf(join(root, entries[entry] ?? '')).map(({ declared, name, module, isType }) => {
    const { comment, kind, declaration } = findDeclaration(declared, module)
    const example = comment.split('\n * @example\n')[1]?.split(/\n \* @/)[0]
    const isFunction =
      kind === 'function' || (kind === 'const' && /^export declare const \w+: (VerifyOperation|\()/.test(declaration))
    return {
      name,
      entry,
      isValue: !isType,
      isFunction,
      docstring: withoutStars(comment),
      declaration,
      example: example?.replaceAll(/^ \* ?/gm, '').trim(),
    }
  })
}

interface Clause {
  readonly declared: string
  readonly name: string
  readonly module: string
  readonly isType: boolean
}

function exportsOf(path: string): Clause[] {
  const clauses = readFileSync(path, 'utf8').matchAll(/^export (type )?\{([^}]*)\} from '(\.[^']+)'/gms)
  return [...clauses].flatMap(([, allTypes, names = '', from = '']) =>
    names
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '')
      .map((each) => {
        const isType = allTypes !== undefined || each.startsWith('type ')
        const [declared = '', name = declared] = each.replace(/^type /, '').split(' as ')
        return { declared, name, module: join(path, '..', from.replace(/\.js$/, '.d.ts')), isType }
      }),
  )
}

function findDeclaration(name: string, path: string): { comment: string; kind: string; declaration: string } {
  const text = readFileSync(path, 'utf8')
  const start = new RegExp(
    `(?:/\\*\\*((?:(?!\\*/)[\\s\\S])*)\\*/\\n)?(export (?:declare )?(?:abstract )?(function|class|const|interface|type) ${name}\\b.*)`,
  ).exec(text)
  if (start !== null) {
    const [, comment = '', first = '', kind = ''] = start
    const rest = text.slice(start.index + start[0].length - first.length)
    // A declaration ends with a line that is not indented: of one line, or the bracket of the last.
    const [declaration = first] = /^.*?[;}]$(?=\n(?! |\}))/ms.exec(`${rest}\n`) ?? []
    return { comment, kind, declaration }
  }
  const passedOn = exportsOf(path).find((each) => each.name === name)
  if (passedOn === undefined) throw new Error(`${name} is not declared in ${path}`)
  return findDeclaration(passedOn.declared, passedOn.module)
}

function withoutStars(comment: string): string {
  return comment.replaceAll(/^\s*\* ?/gm, '').trim()
}
