import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { become, detectCarrier, stepBack } from '../../src/access/identity.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../support/pg.ts'

const david = { sub: '2e7e25e8-5445-40bd-8f89-dc19bba64faa', tenant_id: 'f330c503-5e9c-46a7-8393-2995aeb03675' }

describePg('an identity that is taken on', () => {
  let database: TestDatabase
  const clients: pg.Client[] = []

  beforeAll(async () => {
    database = await createTestDatabase()
  })
  afterAll(async () => {
    for (const client of clients) await client.end()
    await database.close()
  })

  async function connect(url: string): Promise<pg.Client> {
    const client = new pg.Client(url)
    await client.connect()
    clients.push(client)
    return client
  }

  it.each(['owner', 'superuser'] as const)('sees what its token would see, taken on by the %s', async (who) => {
    const client = await connect(who === 'owner' ? database.ownerUrl : database.superuserUrl)
    const carrier = await detectCarrier(client)
    expect(carrier).toEqual({ kind: 'sealed' })
    await client.query('begin')
    await become(client, { role: 'authenticated', claims: david }, carrier)
    expect((await client.query('select name from users')).rows).toEqual([{ name: 'David' }])
    expect((await client.query('select name from tenants')).rows).toEqual([{ name: 'Neon' }])
    await stepBack(client)
    expect((await client.query('select current_user = session_user as back')).rows).toEqual([{ back: true }])
    await client.query('rollback')
  })

  it('leaves nothing behind', async () => {
    const client = await connect(database.ownerUrl)
    const memberships = async () =>
      (
        await client.query(
          "select count(*)::int as n from pg_auth_members where roleid = 'authenticated'::regrole and member = current_user::regrole",
        )
      ).rows
    const before = await memberships()
    await client.query('begin')
    await become(client, { role: 'authenticated', claims: david }, { kind: 'sealed' })
    await client.query('rollback')
    expect(await memberships()).toEqual(before)
    expect((await client.query("select current_setting('rowpass.seal', true) as seal")).rows).toEqual([{ seal: '' }])
  })

  it.each([
    ['request.jwt.claims', { kind: 'json', setting: 'request.jwt.claims' }],
    ['jwt.claims.user_id', { kind: 'each', prefix: 'jwt.claims.' }],
    ['app.user_id', { kind: 'each', prefix: 'app.' }],
  ])('is found to be read from the setting %s', async (setting, carrier) => {
    const other = await createTestDatabase({ contents: 'bare' })
    const client = new pg.Client(other.superuserUrl)
    await client.connect()
    try {
      expect(await detectCarrier(client)).toBeUndefined()
      await client.query(`create function public.reader() returns text stable language sql
        as $$ select current_setting('${setting}', true) $$`)
      expect(await detectCarrier(client)).toEqual(carrier)
    } finally {
      await client.end()
      await other.close()
    }
  })

  it('is refused for a role that does not exist', async () => {
    const client = await connect(database.ownerUrl)
    await client.query('begin')
    await expect(become(client, { role: 'nobody', claims: {} }, undefined)).rejects.toMatchObject({
      code: 'input_invalid',
      detail: 'there is no database role "nobody"',
    })
    await client.query('rollback')
  })

  it('is refused to a login without power', async () => {
    const client = await connect(database.gatewayUrl)
    await client.query('begin')
    await expect(become(client, { role: 'authenticated', claims: david }, { kind: 'sealed' })).rejects.toMatchObject({
      code: 'owner_powerless',
    })
    await client.query('rollback')
  })
})
