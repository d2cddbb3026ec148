/**
 * Three copies of a schema: two behind gateways, which differ in rows that no identity may see, and the model's.
 */
import pg from 'pg'
import { withConnection } from '../../src/database/connect.ts'
import { parseGatewayConfig } from '../../src/gateway/config.ts'
import { createGateway, type Gateway } from '../../src/gateway/server.ts'
import { startTestIssuer, type TestIssuer } from '../support/gateway.ts'
import { type Catalog, readSignatures } from './catalog.ts'
import { type GatewayStatement, type ModelStatement, modelSql, searchPathOf } from './model.ts'
import type { Identity, Schema, Table } from './schema.ts'

/** A database with the platform in it, of which copies are made, and how to reach it. */
export interface Base {
  readonly superuserUrl: string
  readonly ownerUrl: string
  readonly gatewayUrl: string
  readonly sealKeys: string
}

/** What a gateway answered. */
export interface Answer {
  readonly status: number
  readonly body: string
}

/** What the model says. */
export type Outcome =
  | { readonly kind: 'error'; readonly code: string; readonly message: string }
  | { readonly kind: 'results'; readonly results: readonly pg.QueryArrayResult<(string | null)[]>[] }

/** A transaction of several statements. */
export interface BatchOptions {
  readonly isolationLevel?: string
}

/** All rows but the fillers, by table, and a digest of the fillers. */
export type State = readonly string[]

export interface Stage {
  readonly schema: Schema
  readonly catalog: Catalog
  /** Whose statements the next ones are. */
  become(identity: Identity): Promise<void>
  /** Asks both gateways. */
  ask(statements: readonly GatewayStatement[], batch?: BatchOptions): Promise<[Answer, Answer]>
  /** Asks the model; what it changes stays. */
  model(statements: readonly ModelStatement[], batch?: BatchOptions): Promise<Outcome>
  /** What the model says of a reading statement under other plans. */
  replan(statement: ModelStatement): Promise<Outcome[]>
  /** Of the first database, the second, and the model's. */
  states(): Promise<[State, State, State]>
  /** Brings all three back to their first rows. */
  restore(): Promise<void>
  close(): Promise<void>
}

export interface StageOptions {
  /** SQL that the first two databases get besides: a fault that the oracle is to find. */
  readonly plant?: string
  /** `ROWPASS_*` settings of both gateways. */
  readonly settings?: Readonly<Record<string, string>>
}

const statementTimeoutMs = 4_000
const tokenSeconds = 900

/** Settings that make PostgreSQL join and read in other ways. */
const plans = [
  'enable_nestloop = off',
  'enable_hashjoin = off',
  'enable_mergejoin = off',
  'enable_seqscan = off',
  'enable_material = off',
  'enable_hashagg = off',
  'join_collapse_limit = 1',
  'from_collapse_limit = 1',
  'enable_memoize = off',
  'enable_sort = off',
]

/** Makes the copies; databases are named after `prefix`. */
export async function openStage(
  base: Base,
  prefix: string,
  schema: Schema,
  options: StageOptions = {},
): Promise<Stage> {
  const template = new URL(base.ownerUrl).pathname.slice(1)
  const names = ['a', 'b', 'm'].map((letter) => `${prefix}_${schema.name}_${letter}`)
  const [first = '', second = '', third = ''] = names
  const at = (url: string, name: string) => Object.assign(new URL(url), { pathname: `/${name}` }).href
  await withConnection(base.superuserUrl, async (client) => {
    for (const name of names) await client.query(`drop database if exists ${name} with (force)`)
    await copyDatabase(client, first, template)
  })
  const owner = decodeURIComponent(new URL(base.ownerUrl).username)
  await withConnection(at(base.superuserUrl, first), (client) =>
    client.query(`alter database ${first} owner to ${owner}; revoke temporary on database ${first} from public`),
  )
  await withConnection(at(base.ownerUrl, first), async (client) => {
    await client.query(
      `create schema app; grant usage on schema app to authenticated; set search_path = app, public; ${schema.sql}`,
    )
  })
  // As superuser: the policies hold for the owner too.
  await withConnection(at(base.superuserUrl, first), async (client) => {
    await client.query(
      `create schema base; ${stored(schema)
        .map(({ name }) => `create table base.${name} as table app.${name};`)
        .join('')}`,
    )
  })
  await withConnection(base.superuserUrl, async (client) => {
    for (const name of [second, third]) await copyDatabase(client, name, first)
    for (const name of names) {
      await client.query(`alter database ${name} owner to ${owner}; revoke temporary on database ${name} from public`)
      await client.query(
        `alter database ${name} set search_path = app, public; alter database ${name} set timezone = 'UTC'`,
      )
    }
  })
  for (const name of names) {
    await withConnection(at(base.superuserUrl, name), async (client) => {
      await client.query(schema.fillers[name === second ? 1 : 0])
      if (name !== third && options.plant !== undefined) await client.query(options.plant)
      await client.query('analyze')
    })
  }
  await withConnection(at(base.ownerUrl, third), (client) => client.query(modelSql(schema)))

  const issuer = await startTestIssuer()
  const gateways = await Promise.all(
    [first, second].map((name) => openGateway(at(base.gatewayUrl, name), base, issuer, options.settings ?? {})),
  )
  const watchers = await Promise.all(names.map((name) => connect(at(base.superuserUrl, name))))
  const modelClient = await connect(at(base.ownerUrl, third))
  await modelClient.query(`set statement_timeout = ${statementTimeoutMs}`)
  const catalog = await withConnection(at(base.ownerUrl, third), readSignatures)
  let token = ''
  let lastModelled: Promise<unknown> = Promise.resolve()
  const readState = stateSql(schema)
  const restoreText = restoreSql(schema)

  return {
    schema,
    catalog,
    async ask(statements, batch) {
      const [single] = statements
      const body = JSON.stringify(batch === undefined ? single : { queries: statements })
      const headers = {
        authorization: `Bearer ${token}`,
        'neon-raw-text-output': 'true',
        'neon-array-mode': 'true',
        ...(batch?.isolationLevel === undefined ? {} : { 'neon-batch-isolation-level': batch.isolationLevel }),
      }
      const send = async (gateway: Gateway, name: string): Promise<Answer> => {
        const connection = { 'neon-connection-string': `postgresql://authenticated@db.example.test/${name}` }
        const request = new Request('http://gateway.test/sql', {
          method: 'POST',
          body,
          headers: { ...headers, ...connection },
        })
        const response = await gateway.fetch(request)
        return { status: response.status, body: await response.text() }
      }
      const [one, two] = gateways as [Gateway, Gateway]
      return Promise.all([send(one, first), send(two, second)])
    },
    async become(identity) {
      await modelClient.query(`set search_path = ${searchPathOf(identity)}; set oracle.identity = '${identity.name}'`)
      token = await issuer.token(identity.subject, identity.claims, tokenSeconds)
    },
    model(statements, batch) {
      const outcome = lastModelled.then(() => runModel(modelClient, schema, statements, batch))
      lastModelled = outcome.catch(() => {})
      return outcome
    },
    replan(statement) {
      const outcomes = lastModelled.then(() => replan(modelClient, schema, statement))
      lastModelled = outcomes.catch(() => {})
      return outcomes
    },
    async states() {
      const all = await Promise.all(watchers.map((client) => client.query({ text: readState, rowMode: 'array' })))
      return all.map(({ rows }) => rows[0] as string[]) as unknown as [State, State, State]
    },
    async restore() {
      await Promise.all(watchers.map((client) => client.query(restoreText)))
    },
    async close() {
      await Promise.all(gateways.map((gateway) => gateway.close()))
      await Promise.all([...watchers, modelClient].map((client) => client.end()))
      await issuer.close()
      await withConnection(base.superuserUrl, async (client) => {
        for (const name of names) await client.query(`drop database if exists ${name} with (force)`)
      })
    },
  }
}

/** Several workers copy the same template, which nobody else may use meanwhile. */
async function copyDatabase(client: pg.Client, name: string, template: string): Promise<void> {
  await client.query('select pg_advisory_lock(4712)')
  try {
    await client.query(`create database ${name} template ${template} strategy file_copy`)
  } finally {
    await client.query('select pg_advisory_unlock(4712)')
  }
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, types: { getTypeParser: () => (text: string) => text } })
  await client.connect()
  return client
}

async function openGateway(
  databaseUrl: string,
  base: Base,
  issuer: TestIssuer,
  settings: Readonly<Record<string, string>>,
): Promise<Gateway> {
  const config = parseGatewayConfig({
    ROWPASS_DATABASE_URL: databaseUrl,
    ROWPASS_SEAL_KEYS: base.sealKeys,
    ROWPASS_ISSUERS: JSON.stringify([{ iss: issuer.iss, jwks_url: issuer.jwksUrl, audience: 'rowpass' }]),
    ROWPASS_POOL_SIZE: '3',
    ROWPASS_STATEMENT_TIMEOUT_MS: String(statementTimeoutMs),
    ...settings,
  })
  const gateway = createGateway(config)
  while (!gateway.ready()) await new Promise((resolve) => setTimeout(resolve, 10))
  return gateway
}

async function runModel(
  client: pg.Client,
  schema: Schema,
  statements: readonly ModelStatement[],
  batch: BatchOptions | undefined,
): Promise<Outcome> {
  const [single] = statements
  const bare = batch === undefined && single?.settings.length === 0
  const { texts, kept } = bare ? { texts: [single.text], kept: [0] } : toTransaction(schema, statements, batch)
  try {
    const answer: unknown = await client.query({ text: texts.join(';\n'), rowMode: 'array' })
    const results = (bare ? [answer] : answer) as pg.QueryArrayResult<(string | null)[]>[]
    return { kind: 'results', results: kept.flatMap((index) => results[index] ?? []) }
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error
    if (!bare) await client.query('rollback')
    return { kind: 'error', code: error.code ?? '', message: error.message }
  }
}

async function replan(client: pg.Client, schema: Schema, statement: ModelStatement): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const plan of plans) {
    await client.query(`set ${plan}`)
    outcomes.push(await runModel(client, schema, [statement], undefined))
    await client.query(`reset ${plan.split(' ', 1)[0]}`)
  }
  return outcomes
}

function toTransaction(schema: Schema, statements: readonly ModelStatement[], batch: BatchOptions | undefined) {
  const level = batch?.isolationLevel?.replace(/(?<=.)[A-Z]/g, (letter) => ` ${letter}`)
  const texts = [`begin${level === undefined ? '' : ` isolation level ${level}`}`]
  const kept: number[] = []
  for (const { settings, text } of statements) {
    const names = new Map<string, string>(settings)
    for (const { name } of stored(schema))
      texts.push(`set local oracle.${name} = '${names.get(`oracle.${name}`) ?? ''}'`)
    kept.push(texts.length)
    texts.push(text)
  }
  return { texts: [...texts, 'commit'], kept }
}

/** Tables that hold rows. */
const stored = ({ tables }: Schema): Table[] => tables.filter(({ viewSql }) => viewSql === undefined)

function stateSql(schema: Schema): string {
  const columns = stored(schema).flatMap(({ name, filler }) => [
    `(select coalesce(string_agg(r::text, E'\\n' order by r::text), '') from app.${name} r where not (${filler}))`,
    `(select md5(string_agg(r::text, E'\\n' order by r::text)) from app.${name} r where ${filler})`,
  ])
  return `select ${columns.join(', ')}`
}

function restoreSql(schema: Schema): string {
  const tables = stored(schema)
  return `begin; set local session_replication_role = replica;
    ${tables.map(({ name, filler }) => `delete from app.${name} where not (${filler});`).join('\n')}
    ${tables.map(({ name }) => `insert into app.${name} select * from base.${name};`).join('\n')}
    commit`
}
