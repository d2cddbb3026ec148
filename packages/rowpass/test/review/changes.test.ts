import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { become, detectCarrier } from '../../src/access/identity.ts'
import { inTrial } from '../../src/access/trial.ts'
import { withConnection } from '../../src/database/connect.ts'
import { type AccessReview, isGain, isNeutral, reviewChange } from '../../src/review/review.ts'
import { openScratchServer, type ScratchDatabase, type ScratchServer } from '../../src/scratch/server.ts'
import { goOn } from '../../src/scratch/states.ts'
import { describePg } from '../support/pg.ts'
import { effectsOf, type KnownSchema, readSchemas } from './changes.ts'

const schemas = readSchemas()
const script = (name: string, text: string) => [{ name, text, isSeed: false }]

it('there are sixty changes, half of them neutral, of three schemas', () => {
  const changes = schemas.flatMap((schema) => schema.changes)
  expect({
    schemas: schemas.length,
    changes: changes.length,
    neutral: changes.filter(({ effects }) => effects.length === 0).length,
  }).toEqual({
    schemas: 3,
    changes: 60,
    neutral: 30,
  })
})

describePg('a review of', () => {
  describe.each(schemas)('a change of $name', (schema) => {
    let server: ScratchServer
    let before: ScratchDatabase
    beforeAll(async () => {
      server = await openScratchServer(inject('superuserUrl'))
      before = await server.create()
      await before.load(script(schema.name, schema.sql))
    }, 60_000)
    afterAll(() => server.close())

    it.each(schema.changes)('$title', { timeout: 60_000 }, async ({ title, sql, effects }) => {
      const after = await goOn(server, before, script(title, sql))
      const { ofRoles } = after.report()
      const review = await reviewChange({
        beforeUrl: before.url,
        afterUrl: after.url,
        alone: true,
        uncompared: ofRoles.filter((each) => each.startsWith(`${title}:`)),
        file: JSON.stringify(schema.identities),
      })
      expect(effectsOf(review)).toEqual([...effects].sort())
      expect(isNeutral(review)).toBe(effects.length === 0)
      expect(isGain(review)).toBe(effects.some((effect) => !/ -\d| not (adds|reads|sets|gives)/.test(effect)))
      // The same by plain SQL: as each identity, every table, before and after.
      expect(await countedByHand(schema, review, before.url, after.url)).toEqual(countedBy(review))
    })
  })
})

/** Rows of SELECT that each identity gains, by the review. */
function countedBy({ rows }: AccessReview): Record<string, [gained: number, lost: number]> {
  return Object.fromEntries(
    rows
      .filter(({ command }) => command === 'select')
      .map(({ subject, table, gained, lost, fresh, gone }) => [`${subject} ${table}`, [gained + fresh, lost + gone]]),
  )
}

async function countedByHand(
  { name, identities }: KnownSchema,
  { subjects }: AccessReview,
  beforeUrl: string,
  afterUrl: string,
): Promise<Record<string, [number, number]>> {
  const nobody = subjects.filter(({ claims }) => Object.keys(claims).length === 0)
  const people = [...identities.filter(({ claims }) => Object.keys(claims).length > 0), ...nobody]
  const [was, is] = [await seen(beforeUrl, name, people), await seen(afterUrl, name, people)]
  const places = [...new Set([...was.keys(), ...is.keys()])]
  return Object.fromEntries(
    places.flatMap((place): [string, [number, number]][] => {
      const [a, b] = [was.get(place) ?? [], is.get(place) ?? []]
      const [gained, lost] = [b.filter((row) => !a.includes(row)).length, a.filter((row) => !b.includes(row)).length]
      return gained + lost === 0 ? [] : [[place, [gained, lost]]]
    }),
  )
}

/** Rows by identity and table, as texts of the columns that are keys here. */
async function seen(
  url: string,
  schema: string,
  people: readonly { name: string; role: string; claims: Record<string, unknown> }[],
): Promise<Map<string, string[]>> {
  const keys: Record<string, string> = { staff: 'person, ward', lines: 'cart, sku', items: 'sku' }
  return withConnection(url, async (client) => {
    const carrier = await detectCarrier(client)
    const { rows: tables } = await client.query<{ name: string }>(
      "select relname as name from pg_class where relnamespace = $1::regnamespace and relkind in ('r', 'p', 'v')",
      [schema],
    )
    const found = new Map<string, string[]>()
    for (const person of people) {
      for (const { name } of tables) {
        const rows = await inTrial(client, {}, async () => {
          await become(client, person, carrier)
          const key = keys[name] ?? (name.startsWith('events') ? 'at, buyer' : 'id')
          const { rows } = await client.query<{ key: string }>(`select row(${key})::text as key from ${schema}.${name}`)
          return rows.map((row) => row.key)
        }).catch(() => [])
        found.set(`${person.name} ${schema}.${name}`, rows)
      }
    }
    return found
  })
}
