import { neon, Pool } from '@neondatabase/serverless'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describePg } from '../support/pg.ts'
import { type SampleQuery, sampleQueries } from './sample-queries.ts'
import { openScene, type Scene } from './scene.ts'

type Runner = (query: SampleQuery, arrayMode: boolean) => Promise<unknown>

/** What both kinds of result have. Intervals and fields are of a class in each package: only their members count. */
function plain({ command, rowCount, rows, fields }: Pick<pg.QueryResult, 'command' | 'rowCount' | 'rows' | 'fields'>) {
  return { command, rowCount, rows: rows.map(withoutIntervals), fields: fields.map((field) => ({ ...field })) }
}

function withoutIntervals(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutIntervals)
  if (typeof value !== 'object' || value === null) return value
  if (value.constructor.name === 'PostgresInterval') return { ...value }
  if (value.constructor !== Object) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, withoutIntervals(member)]))
}

describePg('results are those of node-postgres', () => {
  let scene: Scene
  let direct: pg.Client
  let pool: Pool
  let runners: Record<'http with a password' | 'http with a token' | 'websocket', Runner>

  beforeAll(async () => {
    scene = await openScene()
    direct = new pg.Client(scene.directUrl)
    await direct.connect()
    pool = new Pool({ connectionString: scene.passwordUrl, max: 1 })
    const overHttp = (sql: ReturnType<typeof neon>): Runner => {
      return async ([text, params], arrayMode) => plain(await sql.query(text, params, { fullResults: true, arrayMode }))
    }
    runners = {
      'http with a password': overHttp(neon(scene.passwordUrl)),
      'http with a token': overHttp(neon(scene.tokenUrl, { authToken: await scene.gateway.issuer.token('ada') })),
      websocket: async ([text, params], arrayMode) =>
        plain(await pool.query({ text, values: params ?? [], ...(arrayMode && { rowMode: 'array' }) } as never)),
    }
  })
  afterAll(async () => {
    await pool.end()
    await direct.end()
    await scene.close()
  })

  describe.each(['http with a password', 'http with a token', 'websocket'] as const)('%s', (way) => {
    it.each([false, true])(`${sampleQueries.length} statements, rows as arrays: %s`, async (arrayMode) => {
      for (const query of sampleQueries) {
        const [text, values] = query
        const rowMode = arrayMode ? { rowMode: 'array' as const } : {}
        const expected = await direct.query({ text, values: values ?? [], ...rowMode })
        expect(await runners[way](query, arrayMode), text.slice(0, 100)).toStrictEqual(plain(expected))
      }
    })
  })

  it('full results have the members that the driver documents', async () => {
    const result = await neon(scene.passwordUrl, { fullResults: true })`select ${1}::int as one, 'a' as a`
    expect(plain(result)).toStrictEqual(plain(await direct.query(`select $1::int as one, 'a' as a`, [1])))
    expect(result).toMatchObject({ rowAsArray: false, viaNeonFetch: true })
  })
})
