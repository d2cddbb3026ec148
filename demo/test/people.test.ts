/**
 * What the policies promise each person of `people.json`, asked through the API, on a PostgreSQL of its own.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type LocalSystem, startLocal } from '@rowpass/local'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { app } from '../src/app.ts'

interface Person {
  readonly name: string
  readonly claims: { readonly sub: string; readonly tenant_id: string; readonly role: string }
}

const file = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url))
const people: readonly Person[] = JSON.parse(readFileSync(file('people.json'), 'utf8'))

describe('the API', { timeout: 30_000 }, () => {
  let local: LocalSystem
  beforeAll(async () => {
    local = await startLocal({ migrationsFolder: file('drizzle'), seedFile: file('seed.sql') })
  }, 60_000)
  afterAll(() => local.stop())

  const ask = async (path: string, token: string | undefined, init: RequestInit = {}) => {
    const { DATABASE_URL, GATEWAY_URL, ISSUER, AUDIENCE, PRIVATE_KEY } = local.env
    const headers = {
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    }
    return app.request(path, { ...init, headers }, { DATABASE_URL, GATEWAY_URL, ISSUER, AUDIENCE, PRIVATE_KEY })
  }
  const tokenOf = ({ claims: { sub, ...claims } }: Person) => local.token(sub, claims)

  it.each(people)('shows $name their own tenant, and people of no other one', async (person) => {
    const token = await tokenOf(person)
    const tenants = (await (await ask('/api/tenants', token)).json()) as { tenants: { id: string }[] }
    expect(tenants.tenants.map(({ id }) => id)).toEqual([person.claims.tenant_id])
    const { users } = (await (await ask('/api/users', token)).json()) as { users: { id: string; tenantId: string }[] }
    expect(users.map(({ id }) => id)).toContain(person.claims.sub)
    expect(new Set(users.map(({ tenantId }) => tenantId))).toEqual(new Set([person.claims.tenant_id]))
  })

  it('lets nobody write into a tenant that is not theirs', async () => {
    for (const person of people) {
      const other = people.find(({ claims }) => claims.tenant_id !== person.claims.tenant_id)
      const body = { tenantId: other?.claims.tenant_id, name: 'Mallory', email: 'mallory@other.example' }
      const { status } = await ask('/api/users', await tokenOf(person), { method: 'POST', body: JSON.stringify(body) })
      expect(status).toBe(403)
    }
  })

  it('answers 401 without a token, and with one of another key', async () => {
    expect((await ask('/api/users', undefined)).status).toBe(401)
    const [head, body] = (await tokenOf(people[0] as Person)).split('.')
    expect((await ask('/api/users', `${head}.${body}.${'A'.repeat(86)}`)).status).toBe(401)
  })
})
