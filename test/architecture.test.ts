import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const source = fileURLToPath(new URL('../packages/rowpass/src', import.meta.url))

/** What each part may import besides itself and libraries. Everything else is an arrow in the wrong direction. */
const mayImport: Record<string, readonly string[]> = {
  failures: [],
  errors: ['failures'],
  events: ['errors'],
  network: [],
  version: [],
  token: ['errors', 'events'],
  statement: ['errors', 'events'],
  seal: ['errors', 'token'],
  postgres: ['errors', 'events', 'statement', 'seal'],
  database: ['errors', 'events', 'statement', 'seal', 'postgres'],
  gateway: ['failures', 'errors', 'events', 'network', 'version', 'token', 'statement', 'seal', 'postgres', 'database'],
  issuer: ['errors', 'events', 'network', 'token', 'database'],
  policies: [],
  access: ['errors', 'events', 'statement', 'database'],
  scratch: ['errors', 'statement', 'database', 'access'],
  doctor: ['errors', 'events', 'statement', 'database', 'access'],
  matrix: ['errors', 'events', 'statement', 'database', 'access'],
  why: ['errors', 'events', 'statement', 'database', 'access'],
  testing: ['errors', 'events', 'statement', 'postgres', 'database', 'access'],
  review: ['errors', 'statement', 'database', 'access', 'scratch', 'doctor', 'matrix'],
}
/** The doors: the command line, and what a package import reaches. */
mayImport.cli = Object.keys(mayImport)
mayImport.exports = Object.keys(mayImport)

/** Parts that run wherever there are web standards; `packages/rowpass/tsconfig.web.json` compiles them without Node's types. */
const webStandard = ['failures', 'errors', 'events', 'network', 'token', 'seal', 'issuer', 'policies']
/** The files in them that need Node. */
const needNode = [
  'seal/seal.ts',
  'seal/keys.ts',
  'issuer/clients.ts',
  ...['key-files', 'file', 'lock'].map((name) => `issuer/ring/${name}.ts`),
]

const maxLines = 300

interface SourceFile {
  readonly path: string
  readonly part: string
  readonly text: string
  readonly imports: readonly string[]
}

const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .map((path) => path.split(sep).join('/'))
  .filter((path) => path.endsWith('.ts'))
  .sort()
  .map(readSource)

describe('the source tree', () => {
  it('has a place for every part', () => {
    expect([...new Set(files.map(({ part }) => part))].filter((part) => !(part in mayImport))).toEqual([])
  })

  it('has no import against the order of the parts', () => {
    const wrong = files.flatMap(({ path, part, imports }) =>
      imports.filter(isRelative).flatMap((specifier) => {
        const target = partOf(resolve(path, specifier))
        return target === part || mayImport[part]?.includes(target) ? [] : [`${path} imports ${specifier}`]
      }),
    )
    expect(wrong).toEqual([])
  })

  it('has no import that leaves it, or that names no file', () => {
    const wrong = files.flatMap(({ path, imports }) =>
      imports
        .filter(isRelative)
        .filter(
          (specifier) =>
            resolve(path, specifier).startsWith('..') || !existsSync(join(source, resolve(path, specifier))),
        )
        .map((specifier) => `${path} imports ${specifier}`),
    )
    expect(wrong).toEqual([])
  })

  it('has no circle of imports', () => {
    expect(findCircle()).toBeUndefined()
  })

  it('keeps Node out of what runs on web standards', () => {
    const wrong = files
      .filter(({ path, part }) => webStandard.includes(part) && !needNode.includes(path))
      .flatMap(({ path, imports }) =>
        imports.filter((each) => needsNode(path, each)).map((each) => `${path} imports ${each}`),
      )
    expect(wrong).toEqual([])
  })

  it('compiles what runs on web standards without Node types', () => {
    const { compilerOptions, include, exclude } = readJson('../packages/rowpass/tsconfig.web.json')
    expect(compilerOptions.types).toEqual([])
    const parts = webStandard
      .filter((part) => part !== 'events' && files.some((file) => file.part === part))
      .map((part) => (['failures', 'errors', 'network'].includes(part) ? `${part}.ts` : part))
    expect(include).toEqual(expect.arrayContaining(parts.map((part) => `src/${part}`)))
    expect(exclude).toEqual(needNode.map((path) => `src/${path}`))
  })

  it('imports only packages that the manifest lists for the part', () => {
    const { dependencies, peerDependencies } = readJson('../packages/rowpass/package.json')
    const wrong = files.flatMap(({ path, imports }) =>
      imports
        .filter((specifier) => !isRelative(specifier) && !specifier.startsWith('node:'))
        .filter((specifier) => !(packageOf(specifier) in { ...dependencies, ...peerDependencies }))
        .map((specifier) => `${path} imports ${specifier}`),
    )
    expect(wrong).toEqual([])
  })

  it('loads the SDK for assistants in one file, and that file only when it is needed', () => {
    const loading = files.filter(({ imports }) => imports.some((each) => each.startsWith('@modelcontextprotocol/')))
    expect(loading.map(({ path }) => path)).toEqual(['gateway/mcp/serve.ts'])
    const fixed = files.filter(({ text }) =>
      /^import (?!type\b)[^;]*?'[^']*mcp\/?serve\.ts'|^import (?!type\b).*'\.\/serve\.ts'/m.test(text),
    )
    expect(fixed.map(({ path }) => path)).toEqual([])
  })

  it(`has no file of more than ${maxLines} lines without comments`, () => {
    // The tables of failures and of their causes are as long as there are failures.
    const long = files.filter(
      ({ path, text }) =>
        !['failures.ts', 'cli/causes.ts'].includes(path) &&
        withoutComments(text)
          .split('\n')
          .filter((line) => line.trim()).length > maxLines,
    )
    expect(long.map(({ path }) => path)).toEqual([])
  })

  it('has one meaning for each name of an exported type', () => {
    const places = new Map<string, string[]>()
    for (const { path, text } of files) {
      for (const [, name = ''] of text.matchAll(/^export (?:interface|type|class|enum) (\w+)/gm))
        places.set(name, [...(places.get(name) ?? []), path])
    }
    expect([...places].filter(([, paths]) => paths.length > 1)).toEqual([])
  })

  it('says at the top of each file what the file is for', () => {
    expect(files.filter(({ text }) => !text.startsWith('/**')).map(({ path }) => path)).toEqual([])
  })

  it('reads the environment in one place only', () => {
    const readers = files.filter(({ text }) => /\bprocess\.env\b/.test(withoutComments(text))).map(({ path }) => path)
    expect(readers).toEqual(['cli/process-io.ts'])
  })
})

describe('the tests', () => {
  it('mock no module and no global', () => {
    const repository = fileURLToPath(new URL('..', import.meta.url))
    const mocking = ['test', 'packages/rowpass/test', 'packages/local/test', 'demo/test']
      .flatMap((folder) =>
        readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path)),
      )
      .filter((path) => path.endsWith('.ts') && path !== 'test/architecture.test.ts')
      .filter((path) => /\bvi\.(?:mock|doMock|hoisted|stubGlobal)\(/.test(readFileSync(join(repository, path), 'utf8')))
    expect(mocking).toEqual([])
  })
})

function readSource(path: string): SourceFile {
  const text = readFileSync(join(source, path), 'utf8')
  const code = withoutComments(text)
  const patterns = [
    /(?<![-\w])(?:import|export)\b[^'"()]*?\bfrom\s*['"]([^'"]+)['"]/g,
    /(?<![-\w])import\s*\(?\s*['"]([^'"]+)['"]/g,
  ]
  const imports = patterns.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1]!))
  return { path, part: partOf(path), text, imports: [...new Set(imports)] }
}

/** Lines of comments only; a `//` inside a string stays. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
}

function partOf(path: string): string {
  return path.split('/')[0]!.replace(/\.ts$/, '')
}

function isRelative(specifier: string): boolean {
  return specifier.startsWith('.')
}

function resolve(path: string, specifier: string): string {
  return relative(source, join(source, dirname(path), specifier))
    .split(sep)
    .join('/')
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

function needsNode(path: string, specifier: string): boolean {
  return specifier.startsWith('node:') || (isRelative(specifier) && needNode.includes(resolve(path, specifier)))
}

function findCircle(): string[] | undefined {
  const targets = new Map(
    files.map(({ path, imports }) => [path, imports.filter(isRelative).map((each) => resolve(path, each))]),
  )
  const done = new Set<string>()
  const visit = (path: string, trail: readonly string[]): string[] | undefined => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path]
    if (done.has(path)) return undefined
    for (const target of targets.get(path) ?? []) {
      const circle = visit(target, [...trail, path])
      if (circle !== undefined) return circle
    }
    done.add(path)
    return undefined
  }
  for (const { path } of files) {
    const circle = visit(path, [])
    if (circle !== undefined) return circle
  }
  return undefined
}

function readJson(path: string) {
  return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'))
}
