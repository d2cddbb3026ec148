import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseExposures } from '../../src/database/exposure.ts'
import { type HardenStep, hardenDatabase } from '../../src/database/harden.ts'
import { provision } from '../../src/database/provision.ts'
import type { DatabaseExposed } from '../../src/events.ts'
import { bobsSecret, type Scene, startScene } from '../gateway/scene.ts'
import { startTestGateway } from '../support/gateway.ts'
import { describePg, sealKeysText } from '../support/pg.ts'
import { startRecorder } from '../support/recorder.ts'

const login = 'rowpass_gateway'
const statesOf = (steps: readonly HardenStep[]) => Object.fromEntries(steps.map(({ name, state }) => [name, state]))

describePg('hardening', () => {
  let scene: Scene
  const open = async () => {
    const name = scene.database.name
    await scene.asSuperuser(
      `grant temporary on database ${name} to public; grant create on schema public to public;
       alter default privileges for role rowpass_owner grant execute on functions to public;
       alter role ${login} in database ${name} reset all`,
    )
  }

  beforeAll(async () => {
    scene = await startScene({ ROWPASS_POOL_SIZE: '1' })
    // Other tests make logins on this server, which would lose the right to make temporary tables here.
    await scene.asSuperuser(
      `revoke connect on database ${scene.database.name} from public;
       grant connect on database ${scene.database.name} to rowpass_gateway`,
    )
    await open()
  })
  afterAll(() => scene.close())

  it('a dry run tells everything that is open, with its risk and its SQL, and changes nothing', async () => {
    for (let count = 0; count < 2; count++) {
      const steps = await hardenDatabase({ url: scene.database.superuserUrl, login, dryRun: true })
      for (const step of steps) {
        const asked = step.name === 'default_functions' || step.name === 'functions'
        expect(step).toMatchObject({ state: asked ? 'asked' : 'open', risk: expect.stringMatching(/\w/) })
        expect(step.sql.length).toBeGreaterThan(0)
      }
      expect(steps.map(({ name }) => name)).toEqual([
        'temporary_tables',
        'schema_public',
        'temporary_files',
        'logged_parameters',
        'abandoned_statements',
        'schema_changes',
        'default_functions',
        'functions',
      ])
    }
  })

  it('the owner closes what is the owner’s, and is told what is left and why', async () => {
    const steps = await hardenDatabase({ url: scene.database.ownerUrl, login })
    expect(statesOf(steps)).toMatchObject({
      temporary_tables: 'done',
      schema_public: 'done',
      default_functions: 'asked',
      temporary_files: 'refused',
      logged_parameters: 'refused',
    })
    const refused = steps.find(({ name }) => name === 'temporary_files')
    expect(refused).toMatchObject({
      reason: 'permission denied to set parameter "temp_file_limit"',
      sql: [`alter role "rowpass_gateway" in database "${scene.database.name}" set temp_file_limit = '1GB'`],
    })
  })

  it('a right that another role has granted is reported, not passed over', async () => {
    const [granter, database] = [`rowpass_test_granter_${randomBytes(4).toString('hex')}`, scene.database.name]
    await scene.asSuperuser(
      `create role ${granter}; grant temporary on database ${database} to ${granter} with grant option;
       set role ${granter}; grant temporary on database ${database} to public`,
    )
    const steps = await hardenDatabase({ url: scene.database.ownerUrl, login })
    expect(steps[0]).toMatchObject({ name: 'temporary_tables', state: 'refused' })
    await scene.asSuperuser(`drop owned by ${granter}; drop role ${granter}`)
  })

  it('a superuser closes the rest, and a second run finds nothing to do', async () => {
    const options = { url: scene.database.superuserUrl, login, connections: 40 }
    const first = statesOf(await hardenDatabase(options))
    expect(Object.values(first)).not.toContain('refused')
    const { default_functions, functions, ...second } = statesOf(await hardenDatabase(options))
    expect(new Set(Object.values(second))).toEqual(new Set(['closed']))
    expect([default_functions, functions]).toEqual(['asked', 'asked'])
  })

  it('SEC-72 the owner can dump what was made by the superuser: pg_dump locks each table and copies all of it', async () => {
    const tables = await scene.asSuperuser(
      `select oid::regclass::text as name from pg_class
        where relkind = 'r' and relnamespace::regnamespace::text not in ('pg_catalog', 'information_schema', 'pg_toast')`,
    )
    expect(tables).toContainEqual({ name: 'rowpass_ddl.changes' })
    for (const { name } of tables) {
      await scene.asOwner(`begin; lock table ${name} in access share mode; rollback`)
      await scene.asOwner(`select * from ${name} limit 0`)
    }
  })

  it('SEC-63 where it is asked for, a new function of the owner is not for token holders until it is granted', async () => {
    const steps = await hardenDatabase({ url: scene.database.ownerUrl, login, take: ['default_functions'] })
    expect(statesOf(steps)).toMatchObject({ default_functions: 'done' })
    await scene.asOwner(`create function fresh() returns int language sql as 'select 1'`)
    expect((await scene.gateway.sql(scene.ada, 'select fresh()')).body).toMatchObject({ code: '42501' })
    await scene.asOwner('grant execute on function fresh() to authenticated')
    expect((await scene.gateway.sql(scene.ada, 'select fresh()')).body.rows).toEqual([{ fresh: '1' }])
  })

  it('SEC-44 the sessions of the gateway have a limit of temporary files that no statement lifts', async () => {
    const gateway = await startTestGateway(scene.database, { ROWPASS_POOL_SIZE: '1' })
    const token = await gateway.issuer.token('ada')
    const limits = `select current_setting('temp_file_limit') as files, current_setting('work_mem') as memory`
    expect((await gateway.sql(token, limits)).body.rows).toEqual([{ files: '1GB', memory: '4MB' }])
    for (const statement of [
      'set temp_file_limit = -1',
      "set work_mem = '1GB'",
      "alter role current_user set work_mem = '1GB'",
    ]) {
      expect((await gateway.sql(token, statement)).body).toMatchObject({ code: '42501' })
    }
    const lifted = await gateway.sql(token, `select set_any('temp_file_limit', '-1', true)`)
    expect(lifted.body).toMatchObject({
      code: '42501',
      message: 'permission denied to set parameter "temp_file_limit"',
    })
    await gateway.close()
  })

  describe('the log of the server', () => {
    /** What the server writes to its log while a request runs; its clients are sent the same lines. */
    async function logOf(): Promise<string> {
      const recorder = await startRecorder(scene.database.gatewayUrl)
      const gateway = await startTestGateway(scene.database, { ROWPASS_DATABASE_URL: recorder.url })
      const token = await gateway.issuer.token('ada', { note: 'canary-claim' })
      await gateway.sql(token, 'select $1::text as x', ['canary-parameter'])
      await gateway.sql(token, 'select $1::int as x', ['canary-parameter'])
      await gateway.close()
      await recorder.close()
      return recorder.received
        .filter(({ type }) => type === 'N')
        .map(({ body }) => body)
        .join('\n')
    }
    const settings = (verb: string) =>
      scene.asSuperuser(
        ['log_statement', 'log_min_duration_statement', 'log_parameter_max_length_on_error', 'client_min_messages']
          .map((name) => {
            const value = { set: `set ${name} = ${loud[name]}`, reset: `reset ${name}` }[verb]
            return `alter role ${login} in database ${scene.database.name} ${value}`
          })
          .join(';'),
      )
    const loud: Record<string, string> = {
      log_statement: `'all'`,
      log_min_duration_statement: '0',
      log_parameter_max_length_on_error: '-1',
      client_min_messages: `'log'`,
    }

    it('SEC-45 holds neither claims nor seal nor parameters, even where every statement is logged', async () => {
      await settings('set')
      await scene.asSuperuser(
        `alter role ${login} in database ${scene.database.name} set log_parameter_max_length_on_error = 0`,
      )
      const log = await logOf()
      expect(log).toContain('select $1::text as x')
      expect(log).not.toMatch(/canary|"sub"|[0-9a-f]{64}/)
      await settings('reset')
    })

    it('SEC-45 would hold them without that step', async () => {
      await scene.asSuperuser(`alter role ${login} in database ${scene.database.name} reset log_parameter_max_length`)
      await settings('set')
      expect(await logOf()).toMatch(/canary-claim/)
      await settings('reset')
      await hardenDatabase({ url: scene.database.superuserUrl, login })
    })
  })

  describe('with functions', () => {
    beforeAll(async () => {
      const steps = await hardenDatabase({ url: scene.database.superuserUrl, login, take: ['functions'] })
      expect(steps.at(-1)).toMatchObject({ name: 'functions', state: 'done' })
    })

    it('is idempotent, and the owner alone cannot do it', async () => {
      const again = await hardenDatabase({ url: scene.database.superuserUrl, login, take: ['functions'] })
      expect(again.at(-1)).toMatchObject({ name: 'functions', state: 'closed' })
    })

    it.each([
      `select set_config('rowpass.claims', '{}', true)`,
      'select pg_sleep(0)',
      'select pg_advisory_lock(1)',
      'select pg_terminate_backend(1)',
      'select query from pg_stat_activity limit 1',
      `select lo_create(0)`,
      `select pg_notify('a', 'b')`,
      `select query_to_xml('select 1', true, false, '')`,
    ])('SEC-40 past the parser, a token holder cannot call: %s', async (command) => {
      const { body } = await scene.gateway.sql(scene.ada, 'select run($1)', [command])
      expect(body).toMatchObject({ code: '42501', message: expect.stringContaining('permission denied for function') })
    })

    it('the gateway serves on, batches and resets too', async () => {
      const gateway = await startTestGateway(scene.database)
      const token = await gateway.issuer.token('bob')
      const { body } = await gateway.batch(token, [
        'select auth.user_id() as id',
        'select body from notes',
        `select run('select 1')`,
      ])
      expect(body.results[1].rows).toEqual([{ body: bobsSecret }])
      await gateway.close()
    })

    it('the owner migrates on', async () => {
      await provision({ ownerUrl: scene.database.ownerUrl, gatewayUrl: scene.database.gatewayUrl })
      const owner = new pg.Client(scene.database.ownerUrl)
      await owner.connect()
      await owner.query(`select set_config('a.b', 'c', false), pg_advisory_lock(1), pg_advisory_unlock(1)`)
      await owner.end()
    })
  })

  describe('the gateway at its start', () => {
    const exposed = async (settings: Record<string, string> = {}) => {
      const gateway = await startTestGateway(scene.database, settings)
      await gateway.close()
      for (const event of gateway.events) {
        if (event.type !== 'database_exposed') continue
        // No command makes a server another version.
        expect(event.remedy.includes('db harden')).toBe(event.exposures.some((name) => name !== 'server_version'))
      }
      // The version is the server's, and what is open the database's.
      return gateway.events
        .filter((event): event is DatabaseExposed => event.type === 'database_exposed')
        .map((event) => ({ ...event, exposures: event.exposures.filter((name) => name !== 'server_version') }))
        .filter(({ exposures }) => exposures.length > 0)
    }

    it('says nothing of a database that is closed', async () => {
      expect(await exposed()).toEqual([])
    })

    it('says what is open, once, and what to run', async () => {
      await open()
      expect(await exposed()).toEqual([
        {
          type: 'database_exposed',
          exposures: ['temporary_tables', 'schema_public', 'temporary_files', 'logged_parameters'],
          remedy: expect.stringMatching(/(^|; )npx rowpass db harden; see SECURITY\.md$/),
        },
      ])
    })

    it('SEC-48 says that its login has powers', async () => {
      const [event] = await exposed({
        ROWPASS_DATABASE_URL: scene.database.superuserUrl,
        ROWPASS_SEAL_KEYS: sealKeysText,
      })
      expect(event?.exposures).toContain('powers')
    })
  })
})

describe('the version of a server', () => {
  it.each([
    [150013, true],
    [150019, true],
    [150020, false],
    [160009, true],
    [160016, false],
    [170005, true],
    [170012, false],
    [180005, true],
    [180006, false],
    [190000, false],
  ])('SEC-62 server version %i is known to have faults in row-level security: %s', (version, expected) => {
    expect(parseExposures({ version }, 1).includes('server_version')).toBe(expected)
  })
})
