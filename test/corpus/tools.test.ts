import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { makeScratch } from '../../bench/scratch.ts'
import { loadCases } from '../../corpus/cases.ts'
import { judge } from '../../corpus/judge.ts'
import { anyProgram } from '../../corpus/tools.ts'

const folder = makeScratch('rowpass-corpus-tools')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A program that prints a text, and ends as linters do that have found something. */
function program(name: string, text: string, code = 1): string {
  const file = join(folder, `${name}.mjs`)
  writeFileSync(file, `process.stdout.write(${text}); process.exitCode = ${code}`)
  return `${process.execPath} ${file} {url}`
}

const results = [
  { ruleId: 'X1', message: { text: 'The policy shared opens desk.notes' } },
  { ruleId: 'X2', level: 'note', message: { text: 'desk.notes has no comment' } },
]

describe('a program of any kind', () => {
  const each = loadCases('fault').find(({ name }) => name === 'policy-about-the-state')!

  it('is scored by its SARIF, with the database in its arguments and in DATABASE_URL', async () => {
    const sarif = `JSON.stringify({ runs: [{ results: [...${JSON.stringify(results)},
      { ruleId: 'X3', level: 'error', message: { text: process.argv[2] + process.env.DATABASE_URL } }] }] })`
    const said = await anyProgram(program('sarif', sarif)).findings('postgresql://a@b/c')
    expect(said.map(({ rule, level }) => `${rule} ${level}`)).toEqual(['X1 warning', 'X2 info', 'X3 error'])
    expect(said[2]!.text).toContain('postgresql://a@b/cpostgresql://a@b/c')
    const { found, loud } = judge(undefined, each, { broken: said, fixed: [] })
    expect({ rule: found?.rule, loud }).toEqual({ rule: 'X1', loud: false })
  })

  it('has found nothing where it says the same without the fault, or names another thing', () => {
    const said = [{ rule: 'X1', level: 'error', text: 'desk.notes' }] as const
    expect(judge(undefined, each, { broken: said, fixed: said })).toMatchObject({
      found: undefined,
      falseAlarms: ['X1'],
    })
    const other = [{ rule: 'X1', level: 'error', text: 'desk.notes_of_others' }] as const
    expect(judge(undefined, each, { broken: other, fixed: [] }).found).toBe(undefined)
    expect(judge('rowpass', each, { broken: said, fixed: [] }).found).toBe(undefined)
    const ours = [{ rule: 'RLS013', level: 'error', text: '"shared" of desk.notes' }] as const
    expect(judge('rowpass', each, { broken: ours, fixed: [] })).toMatchObject({ found: ours[0], loud: true })
  })

  it('that prints no findings has failed', async () => {
    await expect(
      anyProgram(program('broken', "'error: no connection'")).findings('postgresql://a@b/c'),
    ).rejects.toThrow()
    await expect(anyProgram('/no/such/program {url}').findings('postgresql://a@b/c')).rejects.toThrow(/failed/)
    expect(() => anyProgram('linter', 'csv')).toThrow(/csv is no format/)
  })
})
