/**
 * Three copies of a schema: two behind gateways, which differ in rows that no identity may see, and the model's.
 */
import pg from 'pg'
import { withConnection } from '../../src/database/connect.ts'
import { parseGatewayConfig } from '../../src/gateway/config.ts'
import { createGateway, type Gateway } from '../../src/gateway/server.ts'
import { parseSealKeys } from '../../src/seal/keys.ts'
import { sealSession } from '../../src/seal/seal.ts'
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
  | { readonly kind: 'error'; readonly code: string; readonly message: string; readonly position?: string | undefined }
  | { readonly kind: 'results'; readonly results: readonly pg.QueryArrayResult<(string | null)[]>[] }

/** A transaction of several statements. */
export interface BatchOptions {
  readonly isolationLevel?: string
  readonly readOnly?: true
}

/** By table: all rows that the identity can come to see, and a digest of the secret ones. */
export type State = readonly string[]

/** The database behind the first gateway, and the one behind the second. */
export type Side = 0 | 1

export interface Stage {
  readonly schema: Schema
  readonly catalog: Catalog
  /** Whose statements the next ones are. All three get their first rows, the second one other secrets. */
  become(identity: Identity): Promise<void>
  /** Asks one of the gateways. */
  ask(side: Side, statements: readonly GatewayStatement[], batch?: BatchOptions): Promise<Answer>
  /** Asks the model; what it changes stays. */
  model(statements: readonly ModelStatement[], batch?: BatchOptions): Promise<Outcome>
  /**
   * What the first database answers to a statement that only reads, as the identity and without a gateway: with the plan of
   * its choice, and with others.
   */
  otherPlans(statement: GatewayStatement): Promise<Outcome[]>
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
/** Settings of the planner, each of which makes it choose another plan. */
const planSettings = [
  '',
  ...['nestloop', 'hashjoin', 'mergejoin', 'indexscan', 'bitmapscan', 'seqscan'].map(
    (each) => `set local enable_${each} = off`,
  ),
  'set local join_collapse_limit = 1',
]
const modelConnections = 3
/** Of a gateway that is too busy to judge a text. */
const busyTries = 100
const busyWaitMs = 250

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
  // As superuser: the policies hold for the owner too. No statistics: plans follow from the sizes of the tables alone.
  await withConnection(at(base.superuserUrl, first), async (client) => {
    await client.query(`set search_path = app, public; ${schema.hidden}`)
    await client.query(await withoutVacuumSql(client))
    await client.query(
      `create schema base; ${stored(schema)
        .map(({ name }) => `create table base.${name} as select * from ${ownRows(schema, name)};`)
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
  await withConnection(at(base.superuserUrl, second), (client) => disguise(client, schema))
  if (options.plant !== undefined) {
    for (const name of [first, second]) {
      await withConnection(at(base.superuserUrl, name), (client) => client.query(options.plant ?? ''))
    }
  }
  await withConnection(at(base.ownerUrl, third), (client) => client.query(modelSql(schema)))

  const issuer = await startTestIssuer()
  const gateways = await Promise.all(
    [first, second].map((name) => openGateway(at(base.gatewayUrl, name), base, issuer, options.settings ?? {})),
  )
  const watchers = await Promise.all(names.map((name) => connect(at(base.superuserUrl, name))))
  const models = await Promise.all(
    Array.from({ length: modelConnections }, async () => {
      const client = await connect(at(base.ownerUrl, third))
      await client.query(`set statement_timeout = ${statementTimeoutMs}`)
      return { client, last: Promise.resolve<unknown>(undefined), waiting: 0 }
    }),
  )
  const catalog = await withConnection(at(base.ownerUrl, third), readSignatures)
  const [sealKey] = parseSealKeys(base.sealKeys)
  let token = ''
  let claimsJson = ''
  let stateTexts: readonly string[] = []
  let restoreTexts: readonly string[] = []
  const restore = async () => {
    await Promise.all(watchers.map((client, index) => client.query(restoreTexts[index] ?? '')))
  }

  return {
    schema,
    catalog,
    async ask(side, statements, batch) {
      const [single] = statements
      const request = {
        method: 'POST',
        body: JSON.stringify(batch === undefined ? single : { queries: statements }),
        headers: {
          authorization: `Bearer ${token}`,
          'neon-raw-text-output': 'true',
          'neon-array-mode': 'true',
          'neon-connection-string': `postgresql://authenticated@db.example.test/${names[side]}`,
          ...(batch?.isolationLevel === undefined ? {} : { 'neon-batch-isolation-level': batch.isolationLevel }),
          ...(batch?.readOnly === true ? { 'neon-batch-read-only': 'true' } : {}),
        },
      }
      for (let tries = 1; ; tries++) {
        const response = await (gateways[side] as Gateway).fetch(new Request('http://gateway.test/sql', request))
        const answer = { status: response.status, body: await response.text() }
        if (!isBusy(answer) || tries === busyTries) return answer
        await new Promise((resolve) => setTimeout(resolve, busyWaitMs))
      }
    },
    async become(identity) {
      const settings = `set search_path = ${searchPathOf(identity)}; set oracle.identity = '${identity.name}'`
      await Promise.all(models.map(({ client }) => client.query(settings)))
      token = await issuer.token(identity.subject, identity.claims, tokenSeconds)
      const exp = Math.floor(Date.now() / 1000) + tokenSeconds
      claimsJson = JSON.stringify({ ...identity.claims, sub: identity.subject, exp })
      const from = ['base', `base_${identity.name}`, 'base']
      stateTexts = from.map((each) => stateSql(schema, identity, each))
      restoreTexts = from.map((each) => restoreSql(schema, each))
      await restore()
    },
    model(statements, batch) {
      const model = models.reduce((best, each) => (each.waiting < best.waiting ? each : best))
      model.waiting++
      const outcome = model.last.then(() => runModel(model.client, schema, statements, batch))
      model.last = outcome.catch(() => {}).finally(() => model.waiting--)
      return outcome
    },
    async otherPlans({ query, params }) {
      const { exp } = JSON.parse(claimsJson) as { exp: number }
      const { claims, seal } = sealSession(sealKey, { role: 'authenticated', exp, claimsJson })
      const client = await connect(at(base.superuserUrl, first))
      try {
        const outcomes: Outcome[] = []
        for (const setting of planSettings) {
          await client.query(`start transaction read only; ${setting}`)
          await client.query(
            `select set_config('role', 'authenticated', true), set_config('rowpass.claims', $1, true), set_config('rowpass.seal', $2, true)`,
            [claims, seal],
          )
          outcomes.push(await outcomeOf(client.query({ text: query, values: [...params], rowMode: 'array' })))
          await client.query('rollback')
        }
        return outcomes
      } finally {
        await client.end()
      }
    },
    async states() {
      const all = await Promise.all(
        watchers.map((client, index) => client.query({ text: stateTexts[index] ?? '', rowMode: 'array' })),
      )
      return all.map(({ rows }) => rows[0] as string[]) as unknown as [State, State, State]
    },
    restore,
    async close() {
      await Promise.all(gateways.map((gateway) => gateway.close()))
      await Promise.all([...watchers, ...models.map(({ client }) => client)].map((client) => client.end()))
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
  const outcome = await outcomeOf(client.query({ text: texts.join(';\n'), rowMode: 'array' }))
  if (outcome.kind === 'results') {
    return { kind: 'results', results: kept.flatMap((index) => outcome.results[index] ?? []) }
  }
  if (!bare) await client.query('rollback')
  return outcome
}

async function outcomeOf(answer: Promise<unknown>): Promise<Outcome> {
  try {
    // One statement has its result alone, several have a list of them.
    return { kind: 'results', results: [await answer].flat() as pg.QueryArrayResult<(string | null)[]>[] }
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error
    return { kind: 'error', code: error.code ?? '', message: error.message, position: error.position }
  }
}

function toTransaction(schema: Schema, statements: readonly ModelStatement[], batch: BatchOptions | undefined) {
  const level = batch?.isolationLevel?.replace(/(?<=.)[A-Z]/g, (letter) => ` ${letter}`)
  const mode = batch?.readOnly === true ? ' read only' : ''
  const texts = [`begin${level === undefined ? '' : ` isolation level ${level}`}${mode}`]
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

/** A gateway's own trouble: it says that nothing was run. On a busy machine the time for new statements is used up. */
const isBusy = ({ status, body }: Answer): boolean =>
  status === 503 || (status !== 200 && body.includes('"hint":"overloaded: Nothing was run.'))

/** Without the rows of tables that inherit, but with those of partitions. */
const ownRows = ({ tables }: Schema, name: string): string =>
  `${tables.some(({ parent }) => parent === name) ? 'only ' : ''}app.${name}`

async function withoutVacuumSql(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ text: string }>(
    `select format('alter table %s set (autovacuum_enabled = off)', oid::regclass) as text
       from pg_class where relnamespace = 'app'::regnamespace and relkind = 'r'`,
  )
  return rows.map(({ text }) => text).join(';')
}

/**
 * For each identity the rows of the second database: its secrets are other values, in the same places.
 * @throws when the widths of a row differ, as plans would then
 */
async function disguise(client: pg.Client, schema: Schema): Promise<void> {
  for (const identity of schema.identities) {
    await client.query(`create schema base_${identity.name}`)
    for (const { name, disguise: others } of stored(schema)) {
      const secret = schema.rules(identity)[name]?.secret('r') ?? 'false'
      const { fields } = await client.query(`select * from base.${name} limit 0`)
      const columns = fields.map(({ name: column }) => {
        const other = others[column]
        if (other === undefined) return `r.${column}`
        return `case when ${secret} then (${other}) else r.${column} end as ${column}`
      })
      await client.query(
        `create table base_${identity.name}.${name} (like base.${name});
         insert into base_${identity.name}.${name} select ${columns.join(', ')} from base.${name} r order by r.ctid`,
      )
      const { rows } = await client.query<{ same: boolean; changed: string; secret: boolean }>(
        `select coalesce(bool_and(pg_column_size(one) = pg_column_size(other)), true) as same,
           count(*) filter (where one::text <> other::text) as changed,
           (select count(*) from base.${name} r where ${secret})
             = (select count(*) from base_${identity.name}.${name} r where ${secret}) as secret
         from (select r, row_number() over (order by ctid) as n from base.${name} r) x (one, n)
         join (select r, row_number() over (order by ctid) as n from base_${identity.name}.${name} r) y (other, n) using (n)`,
      )
      if (rows[0]?.same !== true)
        throw new Error(`${schema.name}: rows of ${name} have another width in the second database`)
      if (!rows[0].secret) throw new Error(`${schema.name}: a row of ${name} is no secret in the second database`)
      if (rows[0].changed === '0') throw new Error(`${schema.name}: no row of ${name} differs in the second database`)
    }
  }
}

function stateSql(schema: Schema, identity: Identity, from: string): string {
  const columns = stored(schema).flatMap(({ name }) => {
    const secret = schema.rules(identity)[name]?.secret('s') ?? 'false'
    const rows = `string_agg(r::text, E'\\n' order by r::text collate "C")`
    const secrets = `(select s::text from ${from}.${name} s where ${secret})`
    return [
      `(select coalesce(${rows}, '') from ${ownRows(schema, name)} r where r::text not in ${secrets})`,
      `(select md5(${rows}) from ${ownRows(schema, name)} r where r::text in ${secrets})`,
    ]
  })
  return `select ${columns.join(', ')}`
}

/** New files, so that rows lie in the second database where they lie in the first. */
function restoreSql(schema: Schema, from: string): string {
  const tables = stored(schema)
  return `begin; set local session_replication_role = replica;
    truncate ${tables.map(({ name }) => `app.${name}`).join(', ')};
    ${tables.map(({ name }) => `insert into app.${name} select * from ${from}.${name};`).join('\n')}
    commit`
}
