import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { issueToken } from '../../src/issuer/issue.ts'
import { generateKey, importSigningKey } from '../../src/token/key.ts'
import { createSandbox, type Run, type Sandbox } from '../support/cli.ts'
import { createTestDatabase, demo, describePg, repository, type TestDatabase } from '../support/pg.ts'

const page = `${repository}docs/why.md`
const david = '2e7e25e8-5445-40bd-8f89-dc19bba64faa'

describePg('rowpass why', () => {
  let sandbox: Sandbox
  let database: TestDatabase
  let handMade: TestDatabase

  beforeAll(async () => {
    sandbox = createSandbox()
    copyFileSync(`${demo}people.json`, join(sandbox.directory, 'people.json'))
    database = await createTestDatabase()
    handMade = await createTestDatabase({ contents: 'bare' })
    const client = new pg.Client(handMade.ownerUrl)
    await client.connect()
    await client.query(/```sql\n(.*?)```/s.exec(readFileSync(page, 'utf8'))![1]!)
    await client.end()
  })
  afterAll(async () => {
    sandbox.remove()
    await database.close()
    await handMade.close()
  })

  const why = (...argv: string[]): Promise<Run> =>
    sandbox.run(['why', ...argv], { OWNER_DATABASE_URL: database.superuserUrl })

  it('prints what docs/why.md shows', async () => {
    const before = readFileSync(page, 'utf8')
    let after = before
    for (const [block, command] of before.matchAll(/```console\n\$ npx rowpass (.*)\n[^`]*```/g)) {
      const argv = [...command!.matchAll(/'([^']*)'(?=\s|$)|"([^"]*)"|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c!)
      const { ownerUrl } = command!.includes('messages') ? handMade : database
      const { code, stdout } = await sandbox.run(argv, { OWNER_DATABASE_URL: ownerUrl })
      expect(code).toBe(0)
      after = after.replace(block, `\`\`\`console\n$ npx rowpass ${command}\n${stdout}\`\`\``)
    }
    if (process.env.WRITE_DOCS === 'true') writeFileSync(page, after)
    else expect(before).toBe(after)
  })

  it('explains to a person of the demo, for programs too', async () => {
    const { code, stdout } = await why('--as', david, '--json', 'select * from users')
    const explanation = JSON.parse(stdout)
    expect(code).toBe(0)
    expect(explanation).toMatchObject({ command: 'select', complete: true, outcome: { rows: 1 } })
    expect(explanation.findings).toMatchObject([{ code: 'rows_hidden', refuses: false }])
  })

  it('reads claims and statement from files, and takes parameters', async () => {
    writeFileSync(join(sandbox.directory, 'claims.json'), JSON.stringify({ sub: david }))
    writeFileSync(join(sandbox.directory, 'query.sql'), '-- whose?\nselect * from users where id = $1 or name = $2;\n')
    const { code, stdout } = await why('--as', '@claims.json', '--param', david, '--param', "O'Hara", '@query.sql')
    expect([code, stdout]).toEqual([0, expect.stringContaining('1 row of public.users is hidden')])
  })

  it('does not run a statement when told so', async () => {
    const { stdout } = await why('--as', david, '--no-run', 'delete from users')
    expect(stdout).toContain('It was not run')
    expect(stdout).toContain('users_delete')
  })

  describe('with a token', () => {
    const sign = async (ttlSeconds: number, now: number) => {
      const key = await importSigningKey((await generateKey()).privateJwk)
      const options = { issuer: 'http://i.example', audience: 'a', subject: david, clientId: 'c', ttlSeconds }
      return issueToken(
        key,
        { ...options, claims: { tenant_id: 'f330c503-5e9c-46a7-8393-2995aeb03675', role: 'member' } },
        { now: () => now },
      )
    }

    it('tells what is in it, and shows no token', async () => {
      const token = await sign(60, Date.now() - 3_600_000)
      writeFileSync(join(sandbox.directory, 'token'), `${token}\n`)
      const { code, stdout } = await why('--token', '@token', 'select * from users')
      expect(code).toBe(0)
      expect(stdout).toMatch(
        /token {6}at\+jwt, ES256, key \S+, issuer http:\/\/i.example, audience a, expired 35\d\d s ago/,
      )
      expect(stdout).toContain('not verified: no issuer is configured or runs in this folder')
      expect(stdout).toContain('11 rows of public.users are hidden')
      expect(stdout).not.toContain(token.split('.')[2])
    })

    it('says why the gateway would refuse it', async () => {
      writeFileSync(join(sandbox.directory, 'token'), await sign(60, Date.now()))
      const issuers = JSON.stringify([{ iss: 'http://other.example', jwks_url: 'http://127.0.0.1:1/', audience: 'a' }])
      const env = { OWNER_DATABASE_URL: database.superuserUrl, ROWPASS_ISSUERS: issuers }
      const { stdout } = await sandbox.run(['why', '--token', '@token', 'select 1'], env)
      const reason = '"iss" is not an issuer that is configured: http://other.example'
      expect(stdout).toContain(`REFUSED by the gateway: ${reason}`)
      expect(stdout).toContain(`Because\n  The gateway refuses the token and runs nothing: ${reason}.\n`)
    })

    it('does not say that the gateway refuses it when the keys cannot be fetched from here', async () => {
      writeFileSync(join(sandbox.directory, 'token'), await sign(60, Date.now()))
      const issuers = JSON.stringify([{ iss: 'http://i.example', jwks_url: 'http://127.0.0.1:1/', audience: 'a' }])
      const env = { OWNER_DATABASE_URL: database.superuserUrl, ROWPASS_ISSUERS: issuers }
      const { stdout } = await sandbox.run(['why', '--token', '@token', 'select * from users'], env)
      expect(stdout).toContain('not verified: the keys of the issuer cannot be fetched')
      expect(stdout).not.toContain('REFUSED')
    })
  })

  it.each<[string, string[], number, string]>([
    ['no statement', ['--as', '{}'], 2, "missing required argument 'statement'"],
    ['a person that nobody knows', ['--as', 'nobody@example.com', 'select 1'], 2, 'error[input_invalid]'],
    ['claims that are a list', ['--as', '@list.json', 'select 1'], 2, 'error[input_invalid]'],
    ['claims that do not end', ['--as', '{"sub":"x"', 'select 1'], 2, 'the claims are not a JSON object'],
    ['a syntax error', ['selec 1'], 2, 'syntax error'],
    ['a login that is not there', ['--login', 'no_such_login', 'select 1'], 2, 'there is no login'],
    ['a file that is not there', ['--as', '@none.json', 'select 1'], 2, 'none.json cannot be read'],
    ['a token on the command line', ['--token', 'eyJ', 'select 1'], 2, '--token takes - for standard input, or @file'],
    ['a token and claims', ['--token', '-', '--as', '{}', 'select 1'], 2, 'cannot be used with'],
    ['a timeout that is none', ['--timeout', '0', 'select 1'], 2, 'not a whole number from 1 to 600'],
    ['a statement that is none', ['drop table users'], 2, 'DROP is not explained'],
    ['a role that is not there', ['--role', 'no_such_role', 'select 1'], 2, 'there is no database role'],
    ['a URL that is none', ['--database-url', 'users', 'select 1'], 2, '--database-url is not of the form'],
  ])('refuses %s', async (_, argv, code, says) => {
    writeFileSync(join(sandbox.directory, 'list.json'), '[1]')
    const run = await why(...argv)
    expect([run.code, run.stdout]).toEqual([code, ''])
    expect(run.stderr).toContain(says)
  })
})
