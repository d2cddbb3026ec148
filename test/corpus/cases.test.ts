import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Case, loadCases, type Variant } from '../../corpus/cases.ts'
import { type Finding, judge } from '../../corpus/judge.ts'
import { type Proof, prove } from '../../corpus/proof.ts'
import { readCatalogHere } from '../../packages/rowpass/src/access/catalog/read.ts'
import { createModel } from '../../packages/rowpass/src/doctor/analysis/model.ts'
import { tryOutHere } from '../../packages/rowpass/src/doctor/run.ts'
import { loadParser } from '../../packages/rowpass/src/statement/parser.ts'
import {
  createTestDatabase,
  describePg,
  postgresMajor,
  type TestDatabase,
} from '../../packages/rowpass/test/support/pg.ts'

const [faults, sound] = [loadCases('fault'), loadCases('sound')]
const cases = [...faults, ...sound]

/** Lines of the requirements about policies; 62 is about the server's version, which no schema can plant. */
const lines = Array.from({ length: 17 }, (_, index) => 47 + index).filter((line) => line !== 62)

describe('the corpus', () => {
  it('has a hundred faults and sixty sound constructs, on a dozen shapes', () => {
    expect(faults.length).toBeGreaterThanOrEqual(100)
    expect(sound.length).toBeGreaterThanOrEqual(60)
    expect(new Set(cases.map(({ shape }) => shape.name)).size).toBeGreaterThanOrEqual(12)
    expect(new Set(sound.map(({ shape }) => shape.name)).size).toBeGreaterThanOrEqual(8)
  })

  it('has each name and each sentence once', () => {
    for (const key of ['name', 'title'] as const)
      expect(new Set(cases.map((each) => each[key])).size).toBe(cases.length)
  })

  it('comes from every line of the requirements about policies', () => {
    const covered = faults.flatMap(({ requirements }) => requirements)
    expect(lines.filter((line) => !covered.includes(line))).toEqual([])
  })

  it('says of each fault what has to be named, and that its proof tells the two versions apart', () => {
    const silent = faults.filter(({ objects, rules }) => objects.length === 0 || rules.get('rowpass')!.length === 0)
    expect(silent.map(({ name }) => name)).toEqual([])
    const equal = faults.filter((each) => each.schema('broken') === each.schema('fixed'))
    expect(equal.map(({ name }) => name)).toEqual([])
    expect(faults.filter(({ shown }) => shown.broken === shown.fixed).map(({ name }) => name)).toEqual([])
  })
})

describePg('each case of the corpus', () => {
  let database: TestDatabase
  let client: pg.Client
  beforeAll(async () => {
    // Roles belong to the server: the ones of requests are made as they are everywhere else.
    await (await createTestDatabase({ contents: 'platform' })).close()
    database = await createTestDatabase({ contents: 'bare' })
    client = new pg.Client({ connectionString: database.superuserUrl })
    await client.connect()
  })
  afterAll(async () => {
    await client?.end()
    await database?.close()
  })

  it.each(available(faults))(
    '%s is shown, the doctor finds it, and warns of nothing once it is fixed',
    async (_, each) => {
      const [broken, fixed] = [await tryVariant(client, each, 'broken'), await tryVariant(client, each, 'fixed')]
      const expected = (variant: Variant): Proof => ({ shown: each.shown[variant]!, works: each.works[variant]! })
      expect([broken.proof, fixed.proof]).toEqual([expected('broken'), expected('fixed')])
      const { found, falseAlarms } = judge('rowpass', each, { broken: broken.said, fixed: fixed.said })
      expect({ found: found !== undefined, falseAlarms }).toEqual({
        found: !each.wrong.includes('rowpass'),
        falseAlarms: [],
      })
    },
  )

  it.each(available(sound))('%s is sound, and the doctor warns of nothing', async (_, each) => {
    const { proof, said } = await tryVariant(client, each, 'fixed')
    expect(proof).toEqual({ shown: each.shown.fixed, works: each.works.fixed })
    const alarms = said.filter(({ level }) => level !== 'info').map(({ text }) => JSON.parse(text).key)
    if (each.wrong.includes('rowpass')) expect(alarms).not.toEqual([])
    else expect(alarms).toEqual([])
  })
})

function available(list: readonly Case[]): [string, Case][] {
  return list.filter(({ from }) => postgresMajor() >= from).map((each) => [each.name, each])
}

/** Builds a version, runs the proof, hears the doctor, and rolls back: other tests of the server never meet its roles. */
async function tryVariant(client: pg.Client, each: Case, variant: Variant): Promise<{ said: Finding[]; proof: Proof }> {
  await client.query('begin')
  try {
    await client.query(each.schema(variant))
    const proof = await prove(client, each)
    await client.query('savepoint reading')
    const model = createModel(await readCatalogHere(client), await loadParser())
    // Reading sets the search path.
    await client.query('rollback to savepoint reading')
    const { findings } = await tryOutHere(client, model)
    await client.query('rollback to savepoint reading')
    const said = findings.map((finding) => ({
      rule: finding.code,
      level: finding.level,
      text: JSON.stringify(finding),
    }))
    return { said, proof }
  } finally {
    await client.query('rollback')
  }
}
