import { expect, it } from 'vitest'
import { buildShop, shopPeople } from '../../bench/matrix/shop.ts'
import { drawMatrix } from '../../packages/rowpass/src/matrix/draw.ts'
import { makeDatabase } from '../../packages/rowpass/test/matrix/scene.ts'
import { describePg } from '../../packages/rowpass/test/support/pg.ts'

describePg('the database that the matrix is measured on', () => {
  it('has its holes, and no others', async () => {
    const database = await makeDatabase('drop table tenants cascade')
    try {
      await buildShop(database.client, { tables: 12, rows: 1_200 })
      const matrix = await drawMatrix(database.client, { file: shopPeople() })
      expect(matrix.tables).toHaveLength(12)
      const crossing = matrix.tables.flatMap(({ name, lines }) =>
        lines.flatMap(({ cells }) =>
          Object.values(cells)
            .filter(({ crossTenant, verdict }) => crossTenant || verdict === 'untried')
            .map(({ command, reached }) => `${command} ${name} ${(reached.other ?? 0) > 0}`),
        ),
      )
      expect(new Set(crossing)).toEqual(new Set(['delete public.t009 true']))
      expect(crossing.length).toBeGreaterThanOrEqual(5)
    } finally {
      await database.close()
    }
  })
})
