import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { product, repository } from '../support/pg.ts'

const folder = `${product}test/conformance/snippets`

describe('docs/compatibility.md', () => {
  it('every program of docs/compatibility.md is one that the tests here run, and the other way round', () => {
    const page = readFileSync(`${repository}docs/compatibility.md`, 'utf8')
    const printed = [...page.matchAll(/```ts\n(.*?)```/gs)].map(([, program]) => program)
    const run = readdirSync(folder).map((name) => readFileSync(`${folder}/${name}`, 'utf8'))
    expect(printed.toSorted()).toEqual(run.toSorted())
  })
})
