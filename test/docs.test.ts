import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { rules } from '../packages/rowpass/src/doctor/rules.ts'
import { referencePages } from '../tools/reference.ts'

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')

const pages = Object.entries(await referencePages())

describe('the documents', () => {
  it.each(pages)('%s is what the declarations say (npm run docs writes it)', (path, text) => {
    expect(read(path)).toBe(text)
  })

  it('every runtime dependency has its reason in docs/dependencies.md, and no other has', () => {
    const manifests = ['packages/rowpass', 'packages/local', 'demo'].map((folder) =>
      JSON.parse(read(`${folder}/package.json`)),
    )
    const dependencies = Object.assign({}, ...manifests.map((manifest) => manifest.dependencies))
    for (const { name } of manifests) delete dependencies[name]
    const reasons = [...read('docs/dependencies.md').matchAll(/^\| `([^`]+)` \| \S/gm)].map(([, name]) => name)
    expect(reasons).toEqual(Object.keys(dependencies).sort())
  })

  it('what goes past policies names rules that there are, and says why where there is none', () => {
    const rows = [...read('docs/past-policies.md').matchAll(/^\| (?!feature|-)(.+?) \| .+ \| (.+) \|$/gm)]
    expect(rows.length).toBeGreaterThan(50)
    const codes = new Set(rules.map(({ code }) => code as string))
    const vague = rows
      .filter(([, , found = '']) => !/RLS\d{3}|no rule[^:]*: \w+/.test(found))
      .map(([, feature]) => feature)
    const named = rows.flatMap(([, , found = '']) => found.match(/RLS\d{3}/g) ?? [])
    expect({ vague, unknown: named.filter((code) => !codes.has(code)) }).toEqual({ vague: [], unknown: [] })
  })

  it('the program of the README is the example that runs', () => {
    const [, program] = read('README.md').match(/```ts\n([\s\S]*?)```/) ?? []
    expect(program).toBe(read('examples/refused-row.ts'))
  })
})
