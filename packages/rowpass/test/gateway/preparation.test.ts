import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { withConnection } from '../../src/database/connect.ts'
import { askForLack, findLack } from '../../src/gateway/preparation.ts'
import { generateSealKey } from '../../src/seal/keys.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../support/pg.ts'

describePg('what a database lacks', () => {
  let database: TestDatabase
  let client: pg.Client

  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'platform' })
    client = new pg.Client(database.gatewayUrl)
    await client.connect()
  })
  afterAll(async () => {
    await client.end()
    await database.close()
  })

  const lackFor = async (sealKey = database.sealKeys[0], roles = ['authenticated']) => {
    const { missing, roles: lacking } = await findLack(client, { sealKey, roles })
    return { missing, roles: lacking }
  }

  it('is nothing where it is prepared', async () => {
    expect(await lackFor()).toEqual({ missing: [], roles: [] })
    expect(
      await askForLack(new URL(database.gatewayUrl), 5_000, {
        sealKey: database.sealKeys[0],
        roles: ['authenticated'],
      }),
    ).toEqual({ missing: [], roles: [], clockAheadSeconds: 0 })
  })

  it.each([
    ['behind', -1200],
    ['ahead', 1200],
  ])('is nothing where this machine is 20 minutes %s, and the seconds are told', async (_, ownSeconds) => {
    const now = Date.now
    const own = vi.spyOn(Date, 'now').mockImplementation(() => now() + ownSeconds * 1000)
    try {
      const found = await findLack(client, { sealKey: database.sealKeys[0], roles: ['authenticated'] })
      expect({ ...found, clockAheadSeconds: Math.round(found.clockAheadSeconds / 5) * 5 }).toEqual({
        missing: [],
        roles: [],
        clockAheadSeconds: -ownSeconds,
      })
    } finally {
      own.mockRestore()
    }
  })

  describe('of a seal key', () => {
    it('is reported where no key has its name, and where the secret is another', async () => {
      const unknown = generateSealKey('unknown')
      expect(await lackFor(unknown)).toEqual({ missing: ['seal_key'], roles: [] })
      const { name } = database.sealKeys[0]
      expect(await lackFor({ ...unknown, name })).toEqual({ missing: ['seal_key'], roles: [] })
    })

    it('is tried with a role that the login can take', async () => {
      const unknown = generateSealKey('unknown')
      expect(await lackFor(unknown, ['nobody_at_all', 'authenticated'])).toEqual({
        missing: ['seal_key', 'roles'],
        roles: ['nobody_at_all'],
      })
      expect(await lackFor(unknown, ['nobody_at_all'])).toEqual({ missing: ['roles'], roles: ['nobody_at_all'] })
    })

    it('is not reported where the role may not ask for its session, as nothing was tried', async () => {
      const asOwner = (sql: string) => withConnection(database.ownerUrl, (owner) => owner.query(sql))
      await asOwner('revoke execute on function auth.session() from public, authenticated, anonymous')
      try {
        expect(await lackFor(generateSealKey('unknown'))).toEqual({ missing: [], roles: [] })
      } finally {
        await asOwner('grant execute on function auth.session() to public')
      }
    })

    it('is not known where the server is too slow to say, and the connection can be used again', async () => {
      const owner = new pg.Client(database.ownerUrl)
      await owner.connect()
      try {
        await owner.query('begin; lock table rowpass.seal_keys in access exclusive mode')
        await client.query("set statement_timeout = '200ms'")
        await expect(lackFor()).rejects.toMatchObject({ code: '57014' })
        await owner.query('rollback')
        await client.query('reset statement_timeout')
        expect(await lackFor()).toEqual({ missing: [], roles: [] })
      } finally {
        await owner.end()
      }
    })
  })
})
