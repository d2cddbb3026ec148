import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { variableOf } from '../packages/rowpass/src/gateway/setting-kinds.ts'
import { settings } from '../packages/rowpass/src/gateway/settings.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const pagesIn = (folder: string, recursive = false): string[] =>
  readdirSync(join(root, folder), { recursive, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name))
const docs = pagesIn('docs', true)
const pages = [...pagesIn('.'), ...docs, ...pagesIn('corpus'), 'demo/README.md', 'demo/AGENTS.md', 'llms.txt']
const texts = new Map(pages.map((path) => [path, readFileSync(join(root, path), 'utf8')]))
const prose = (path: string): string => (texts.get(path) ?? '').replace(/^```.*?^```$/gms, '')

interface Link {
  readonly from: string
  readonly to: string
}

/** Links to files of the repository, inline and in images. */
const links = pages.flatMap((from): Link[] =>
  [...prose(from).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, to = '']) => ({ from, to }))
    .filter(({ to }) => !/^[a-z]+:/.test(to)),
)

/** What GitHub calls the headings of a page. */
function anchors(path: string): Set<string> {
  const seen = new Map<string, number>()
  const slugs = [...prose(path).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => {
    const slug = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-')
    const count = seen.get(slug) ?? 0
    seen.set(slug, count + 1)
    return count === 0 ? slug : `${slug}-${count}`
  })
  return new Set(slugs)
}

function isBroken({ from, to }: Link): boolean {
  const [path = '', anchor] = to.split('#', 2)
  const target = path === '' ? from : normalize(join(dirname(from), path))
  if (target.startsWith('..') || !existsSync(join(root, target))) return true
  if (anchor === undefined) return false
  return statSync(join(root, target)).isDirectory() || !anchors(target).has(anchor)
}

describe('the documents among themselves', () => {
  it('every link leads to a file that is there, and to a heading that it has', () => {
    expect(links.length).toBeGreaterThan(40)
    expect(links.filter(isBroken)).toEqual([])
  })

  it('every page of docs/ can be reached from the README', () => {
    const reached = new Set(['README.md'])
    for (const page of reached) {
      for (const { to } of links.filter(({ from }) => from === page)) {
        const target = normalize(join(dirname(page), to.split('#', 1)[0] ?? ''))
        if (texts.has(target)) reached.add(target)
      }
    }
    expect(docs.filter((page) => !reached.has(page))).toEqual([])
  })

  it('every npm script that they name is in package.json', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object }
    const named = pages.flatMap((path) => [...(texts.get(path) ?? '').matchAll(/\bnpm run ([a-z][\w:-]*)/g)])
    expect(new Set(named.map(([, name = '']) => name).filter((name) => !(name in scripts)))).toEqual(new Set())
  })

  it('every ROWPASS_ setting that they name is one', () => {
    const named = pages.flatMap((path) => [...(texts.get(path) ?? '').matchAll(/\bROWPASS_[A-Z_]*[A-Z]\b/g)])
    const known = new Set(
      Object.keys(settings)
        .map(variableOf)
        .flatMap((name) => [name, `${name}_FILE`]),
    )
    expect(new Set(named.map(([name]) => name).filter((name) => !known.has(name)))).toEqual(new Set())
  })
})
