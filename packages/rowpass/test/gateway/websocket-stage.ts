/** A gateway with nothing but its WebSocket part, and clients that speak the protocol byte by byte. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import pg from 'pg'
import { afterAll, afterEach, beforeAll } from 'vitest'
import type { RowpassEvent } from '../../src/events.ts'
import { parseGatewayConfig } from '../../src/gateway/config.ts'
import { createLogins } from '../../src/gateway/password/login.ts'
import {
  createWebSocketGateway,
  type WebSocketGateway,
  type WebSocketParts,
} from '../../src/gateway/password/websocket.ts'
import { createTestDatabase, sealKeysText, type TestDatabase } from '../support/pg.ts'
import { connect, firstCell, message, type RawClient, startup } from './raw-client.ts'

export interface Served {
  readonly url: string
  readonly gateway: WebSocketGateway
  readonly events: RowpassEvent[]
  close(): Promise<void>
}

const issuers = JSON.stringify([{ iss: 'a', jwks_url: 'https://a.example.test/', audience: 'a' }])

/** Makes the database of a suite and closes its gateways after each test. To be called inside of `describe`. */
export function useWebSocketStage() {
  let database: TestDatabase
  let login: { user: string; password: string; database: string }
  let admin: pg.Client
  const open: Served[] = []

  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'platform' })
    const { username, password } = new URL(database.ownerUrl)
    login = { user: username, password, database: database.name }
    admin = new pg.Client(database.superuserUrl)
    await admin.connect()
  })
  afterAll(async () => {
    await admin.end()
    await database.close()
  })
  afterEach(async () => {
    for (const served of open.splice(0)) await served.close()
  })

  /** Only the WebSocket part of a gateway, so that its times can be short. */
  async function serve(settings: Record<string, string> = {}, parts: Partial<WebSocketParts> = {}): Promise<Served> {
    const config = parseGatewayConfig({
      ROWPASS_DATABASE_URL: database.gatewayUrl,
      ROWPASS_SEAL_KEYS: sealKeysText,
      ROWPASS_ISSUERS: issuers,
      ROWPASS_PASSWORD_MODE: 'true',
      ...settings,
    })
    const events: RowpassEvent[] = []
    const emit = (event: RowpassEvent): void => void events.push(event)
    const logins = createLogins(config, emit)
    const gateway = createWebSocketGateway({ config, logins, emit, ...parts })
    const http: Server = createServer().on('upgrade', gateway.upgrade)
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
    const close = async (): Promise<void> => {
      await gateway.close()
      http.closeAllConnections()
      http.close()
    }
    const served = { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/v2`, gateway, events, close }
    open.push(served)
    return served
  }

  function start(parameters: Record<string, string> = {}): Buffer {
    const { user, database } = login
    return startup({ user, database, client_encoding: 'UTF8', ...parameters })
  }

  async function logIn(url: string, parameters: Record<string, string> = {}): Promise<RawClient> {
    const client = await connect(url)
    client.send(start(parameters), message('p', login.password))
    await client.until('Z')
    client.messages.length = 0
    return client
  }

  async function ask(client: RawClient, sql: string): Promise<string | undefined> {
    client.messages.length = 0
    client.send(message('Q', sql))
    await client.until('Z')
    return firstCell(client)
  }

  /** What the server knows of the sessions of this test's users. */
  async function activity(): Promise<{ pid: number; state: string; query: string; wait_event: string | null }[]> {
    const { rows } = await admin.query(
      'select pid, state, query, wait_event from pg_stat_activity where datname = $1 and usename = $2',
      [database.name, login.user],
    )
    return rows
  }

  return {
    serve,
    start,
    logIn,
    ask,
    activity,
    get database() {
      return database
    },
    get login() {
      return login
    },
    get admin() {
      return admin
    },
  }
}
