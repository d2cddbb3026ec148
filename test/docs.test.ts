import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { referencePages } from '../tools/reference.ts'

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')

describe('the documents', () => {
  it.each(Object.entries(referencePages()))(
    '%s is what the declarations say (npm run docs writes it)',
    (path, text) => {
      expect(read(path)).toBe(text)
    },
  )

  it('every runtime dependency has its reason in docs/dependencies.md, and no other has', () => {
    const manifests = ['packages/rowpass', 'packages/local', 'demo'].map((folder) =>
      JSON.parse(read(`${folder}/package.json`)),
    )
    const dependencies = Object.assign({}, ...manifests.map((manifest) => manifest.dependencies))
    for (const { name } of manifests) delete dependencies[name]
    const reasons = [...read('docs/dependencies.md').matchAll(/^\| `([^`]+)` \| \S/gm)].map(([, name]) => name)
    expect(reasons).toEqual(Object.keys(dependencies).sort())
  })

  it('the program of the README is the example that runs', () => {
    const [, program] = read('README.md').match(/```ts\n([\s\S]*?)```/) ?? []
    expect(program).toBe(read('examples/refused-row.ts'))
  })
})
