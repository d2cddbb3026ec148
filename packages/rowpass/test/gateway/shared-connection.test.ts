import { afterAll, beforeAll, expect, it } from 'vitest'
import { describePg } from '../support/pg.ts'
import { type Scene, startScene } from './scene.ts'

/** One function leaves something in the session, one looks for it; both are soon known to be quick. */
const setUp = `
  create function leave() returns text language sql volatile
    return set_config('app.left', current_setting('rowpass.claims'), false);
  create function look() returns text language sql stable return nullif(current_setting('app.left', true), '');
  grant execute on function leave(), look() to authenticated;
`

describePg('a connection that requests share', () => {
  let scene: Scene
  beforeAll(async () => {
    scene = await startScene({ ROWPASS_POOL_SIZE: '1' }, setUp)
  })
  afterAll(() => scene.close())

  it('SEC-42 has nobody beside a request that may leave something behind', async () => {
    const look = async () => (await scene.gateway.sql(scene.bob, 'select look() as found')).body
    const leave = async () => (await scene.gateway.sql(scene.ada, 'select leave()')).body
    for (let times = 0; times < 10; times++)
      expect([(await look()).rows, (await leave()).rowCount]).toEqual([[{ found: null }], 1])
    for (let times = 0; times < 20; times++) {
      const [, ...looks] = await Promise.all([leave(), look(), look(), look(), look()])
      expect(looks.map(({ rows }) => rows?.[0]?.found ?? null)).toEqual([null, null, null, null])
    }
  })
})
