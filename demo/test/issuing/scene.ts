/**
 * A stack with clients and with people who have passwords, and what tests ask of it.
 */
import pg from 'pg'
import { expect, vi } from 'vitest'
import { addClient } from '../../../packages/rowpass/src/issuer/clients.ts'
import { hashPassword } from '../../../packages/rowpass/src/issuer/password.ts'
import type { Bindings } from '../../src/env.ts'
import { askApp } from '../conform.ts'
import { type Stack, startStack } from '../stack.ts'

/** Seeded people by first name. */
export const people = {
  david: '2e7e25e8-5445-40bd-8f89-dc19bba64faa',
  amara: '60ae8038-e4f4-4a2c-ab55-47934d41dfd3',
  mei: '07bed1a4-91e7-4570-ab05-ff128e872801',
  priya: '030dde22-eae7-4b26-97bf-a1e03772024b',
} as const

/** Seeded tenants. */
export const tenants = {
  neon: 'f330c503-5e9c-46a7-8393-2995aeb03675',
  other: 'e3e0bc31-2df8-4410-9b5d-ff71cf509a8e',
  kestrel: '4ad18972-e46d-452a-bc2b-d0ea1e7145ad',
} as const

/** The password of everybody in {@link emails}. */
export const password = 'correct horse battery staple'
export const emails = {
  david: 'david@neon.example',
  amara: 'amara@neon.example',
  priya: 'priya@other.example',
} as const

export const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'

/** An answer of the API. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: whatever was answered; each test says what it expects
  readonly body: any
}

/** A scene. */
export interface Scene {
  readonly stack: Stack
  /** Without DEMO. */
  readonly bindings: Bindings
  /** Secrets of the clients `service` (of tenant Neon) and `backend` (of no tenant). */
  readonly secrets: { readonly service: string; readonly backend: string }
  /** The superuser. */
  readonly sql: (text: string, parameters?: unknown[]) => Promise<Record<string, unknown>[]>
  /** Asks the app. */
  ask(path: string, init?: RequestInit): Promise<Answer>
  /** Posts a form to an endpoint of OAuth. */
  post(path: string, form: Record<string, string>, headers?: Record<string, string>): Promise<Answer>
  /** Posts JSON, with a token where there is one. */
  send(method: string, path: string, body: unknown, token?: string): Promise<Answer>
  /** Signs somebody in with client `web`. */
  signIn(who: keyof typeof emails): Promise<{ access_token: string; refresh_token: string }>
  /** What was logged. */
  log(): Record<string, unknown>[]
  /** The HTTP status of the caller's own rows. */
  rowsWith(token: string): Promise<number>
  close(): Promise<void>
}

/** Starts a scene. */
export async function startScene(settings: Partial<Bindings> = {}): Promise<Scene> {
  // The log of the Worker; it is for the operator.
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined)
  const stack = await startStack()
  const superuser = new pg.Client(stack.database.superuserUrl)
  await superuser.connect()
  const sql: Scene['sql'] = async (text, parameters) => (await superuser.query(text, parameters)).rows
  const grants = ['password', 'refresh', 'exchange'] as const
  await addClient(superuser, { clientId: 'web', isPublic: true, grants, scopes: ['rows', 'profile'] })
  await addClient(superuser, { clientId: 'other-web', isPublic: true, grants, scopes: ['rows'] })
  const service = await addClient(superuser, {
    clientId: 'service',
    isPublic: false,
    grants: ['service'],
    scopes: ['rows'],
    tenantId: tenants.neon,
    role: 'member',
  })
  const backend = await addClient(superuser, {
    clientId: 'backend',
    isPublic: false,
    grants: [...grants, 'service'],
    scopes: ['rows'],
  })
  const hash = await hashPassword(password)
  for (const [who, email] of Object.entries(emails)) {
    await sql('select issuer.set_password($1, $2, $3, null, null)', [people[who as keyof typeof emails], email, hash])
  }
  const { DEMO: _, ...others } = stack.bindings
  const bindings: Bindings = { ...others, ADDRESS_HEADER: 'X-Address', MAIL_URL: 'http://127.0.0.1:1/', ...settings }

  const ask: Scene['ask'] = async (path, init) => {
    const response = await askApp(path, init, bindings)
    const text = await response.text()
    const isJson = /json/.test(response.headers.get('Content-Type') ?? '')
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text }
  }
  const post: Scene['post'] = (path, form, headers = {}) =>
    ask(path, { method: 'POST', body: new URLSearchParams(form), headers })
  return {
    stack,
    bindings,
    secrets: { service: service!, backend: backend! },
    sql,
    ask,
    post,
    send: (method, path, body, token) =>
      ask(path, {
        method,
        body: JSON.stringify(body),
        headers: {
          'Content-Type': 'application/json',
          ...(token !== undefined && { Authorization: `Bearer ${token}` }),
        },
      }),
    async signIn(who) {
      const { status, body } = await post('/api/token', {
        grant_type: 'password',
        client_id: 'web',
        username: emails[who],
        password,
      })
      expect(status).toBe(200)
      return body
    },
    rowsWith: async (token) => (await ask('/api/users', { headers: { Authorization: `Bearer ${token}` } })).status,
    log: () => log.mock.calls.map(([line]) => JSON.parse(String(line))),
    async close() {
      log.mockRestore()
      await superuser.end()
      await stack.close()
    },
  }
}
