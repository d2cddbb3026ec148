import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeJwt, decodeProtectedHeader, importJWK, jwtVerify } from 'jose'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { generateKey } from '../../src/token/key.ts'
import { createSandbox, type Sandbox } from '../support/cli.ts'

describe('keys and tokens on the command line', () => {
  let sandbox: Sandbox
  beforeEach(() => {
    sandbox = createSandbox()
  })
  afterEach(() => sandbox.remove())

  const read = (name: string): string => readFileSync(join(sandbox.directory, name), 'utf8')

  describe('rowpass keys generate', () => {
    it('SEC-25 writes a private key that only its owner can read, and prints no part of it', async () => {
      const { code, stdout, stderr } = await sandbox.run(['keys', 'generate'])
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(statSync(join(sandbox.directory, 'privateKey.jwk.json')).mode & 0o777).toBe(0o600)
      const { d, kid } = JSON.parse(read('privateKey.jwk.json'))
      expect(stdout).toContain(kid)
      expect(stdout).not.toContain(d)
      expect(read('publicKey.jwk.json')).not.toContain(d)
    })

    it.each(['ES256', 'RS256', 'PS256', 'EdDSA'])('makes %s keys, in another folder if asked', async (alg) => {
      mkdirSync(join(sandbox.directory, 'keys'))
      const { stdout } = await sandbox.run(['keys', 'generate', '--alg', alg, '--dir', 'keys', '--json'])
      const said = JSON.parse(stdout)
      expect(said).toMatchObject({ alg, publicPath: join(sandbox.directory, 'keys', 'publicKey.jwk.json') })
      expect(JSON.parse(read('keys/publicKey.jwk.json'))).toMatchObject({ alg, kid: said.kid })
    })

    it('never replaces a key', async () => {
      await sandbox.run(['keys', 'generate'])
      const before = read('privateKey.jwk.json')
      const { code, stderr } = await sandbox.run(['keys', 'generate'])
      expect(code).toBe(1)
      expect(stderr).toMatch(/^error\[key_exists\]: .*privateKey\.jwk\.json exists/)
      expect(read('privateKey.jwk.json')).toBe(before)
    })
  })

  describe('rowpass token', () => {
    const token = async (argv: readonly string[] = [], env: Record<string, string> = {}) => {
      const { code, stdout, stderr } = await sandbox.run(['token', '--sub', 'ada', ...argv], env)
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      return stdout.trim()
    }

    describe('--narrow', () => {
      const claimsOf = async (...argv: string[]) => decodeJwt(await token(['--narrow', ...argv]))
      beforeEach(() => sandbox.run(['keys', 'generate']))

      it('SEC-82 makes a token for an agent, which reads alone and for minutes unless more is asked for', async () => {
        const { iat = 0, exp = 0, ...claims } = await claimsOf('--claim', 'role=member')
        expect(claims).toMatchObject({ sub: 'ada', role: 'member', act: { sub: 'rowpass-cli' }, scope: 'sql:read' })
        expect(exp - iat).toBe(300)
        const wide = await claimsOf(
          '--act',
          'bot',
          '--scope',
          'sql:write table:notes',
          '--max-rows',
          '9',
          '--minutes',
          '60',
        )
        expect(wide).toMatchObject({ act: { sub: 'bot' }, scope: 'sql:write table:notes rows:9' })
        expect((wide.exp ?? 0) - (wide.iat ?? 0)).toBe(3600)
      })

      it('SEC-82 of a token keeps its claims, and allows no more and lives no longer', async () => {
        const file = (text: string): string => {
          writeFileSync(join(sandbox.directory, 'token.jwt'), `${text}\n`)
          return '@token.jwt'
        }
        const run = async (...argv: string[]) => sandbox.run(['token', '--narrow', '--token', ...argv])
        const person = await token(['--claim', 'sid=s', '--claim', 'tenant_id=t', '--ttl', '120'])
        const first = await run(file(person), '--act', 'one', '--scope', 'sql:read table:a', '--minutes', '60')
        expect(first.stderr).toBe('')
        const claims = decodeJwt(first.stdout.trim())
        expect(claims).toMatchObject({ sub: 'ada', sid: 's', tenant_id: 't', act: { sub: 'one' } })
        expect(claims.exp).toBeLessThanOrEqual(decodeJwt(person).exp ?? 0)
        const second = await run(file(first.stdout), '--act', 'two', '--scope', 'sql:write rows:5')
        expect(decodeJwt(second.stdout.trim())).toMatchObject({
          act: { sub: 'two', act: { sub: 'one' } },
          scope: 'sql:read table:a rows:5',
        })
        const other = await run(file(first.stdout), '--scope', 'sql:read table:b')
        expect(other).toMatchObject({ code: 1, stderr: expect.stringContaining('error[input_invalid]') })
        for (const wrong of [`${person.slice(0, -4)}AAAA`, 'x', '']) {
          expect(await run(file(wrong))).toMatchObject({
            code: 1,
            stderr: expect.stringContaining('error[input_invalid]'),
          })
        }
      })

      it.each([
        [['--narrow', '--scope', 'sql:rea'], 1],
        [['--narrow', '--scope', 'table:a'], 1],
        [['--narrow', '--scope', 'rows'], 1],
        [['--narrow', '--minutes', '61'], 2],
        [['--narrow', '--max-rows', '0'], 2],
        [['--narrow', '--ttl', '60'], 2],
        [['--narrow', '--token', '@token.jwt'], 2],
        [['--scope', 'sql:read'], 2],
      ])('SEC-82 refuses %j', async (argv, code) => {
        expect(await sandbox.run(['token', '--sub', 'ada', ...argv])).toMatchObject({ code, stdout: '' })
      })

      it('asks for a subject', async () => {
        expect(await sandbox.run(['token', '--narrow'])).toMatchObject({ code: 2, stdout: '' })
      })
    })

    it('signs with the key of the folder, and prints the token alone', async () => {
      await sandbox.run(['keys', 'generate'])
      const key = await importJWK(JSON.parse(read('publicKey.jwk.json')))
      const { payload, protectedHeader } = await jwtVerify(await token(), key, {
        issuer: 'http://127.0.0.1:8787',
        audience: 'rowpass',
        typ: 'at+jwt',
      })
      expect(payload).toMatchObject({ sub: 'ada', client_id: 'rowpass-cli' })
      expect(payload.exp! - payload.iat!).toBe(900)
      expect(protectedHeader.kid).toBe(JSON.parse(read('publicKey.jwk.json')).kid)
    })

    it('prefers PRIVATE_KEY to the file, and the environment to .dev.vars', async () => {
      await sandbox.run(['keys', 'generate'])
      mkdirSync(join(sandbox.directory, 'other'))
      await sandbox.run(['keys', 'generate', '--dir', 'other'])
      const { kid } = JSON.parse(read('other/publicKey.jwk.json'))
      const privateKey = JSON.stringify(JSON.parse(read('other/privateKey.jwk.json')))
      writeFileSync(join(sandbox.directory, '.dev.vars'), `PRIVATE_KEY='${privateKey}'\nISSUER=https://dev.example\n`)
      expect(decodeProtectedHeader(await token()).kid).toBe(kid)
      expect(decodeJwt(await token())).toMatchObject({ iss: 'https://dev.example' })
      expect(decodeJwt(await token([], { ISSUER: 'https://env.example' }))).toMatchObject({
        iss: 'https://env.example',
      })
    })

    it('names the key as PRIVATE_KEY does', async () => {
      const { privateJwk } = await generateKey()
      const PRIVATE_KEY = JSON.stringify({ ...privateJwk, kid: 'key-of-2024' })
      expect(decodeProtectedHeader(await token([], { PRIVATE_KEY })).kid).toBe('key-of-2024')
    })

    it('takes claims as text, and with := as JSON', async () => {
      await sandbox.run(['keys', 'generate'])
      const claims = decodeJwt(
        await token([
          '--claim',
          'tenant_id=f330',
          '--claim',
          'a=b=c',
          '--claim',
          'level:=3',
          '--claim',
          'list:=[1,"x"]',
        ]),
      )
      expect(claims).toMatchObject({ tenant_id: 'f330', a: 'b=c', level: 3, list: [1, 'x'] })
    })

    it('takes lifetime, issuer, audience and client', async () => {
      await sandbox.run(['keys', 'generate'])
      const argv = ['--ttl', '60', '--issuer', 'https://i.example', '--audience', 'a', '--client-id', 'c', '--json']
      const response = JSON.parse(await token(argv))
      expect(response).toMatchObject({ token_type: 'Bearer', expires_in: 60 })
      const claims = decodeJwt(response.access_token)
      expect(claims).toMatchObject({ iss: 'https://i.example', aud: 'a', client_id: 'c' })
      expect(claims.exp! - claims.iat!).toBe(60)
    })

    it.each([
      ['no key', async () => undefined, 'key_missing'],
      [
        'a private key that others can read',
        async () => {
          await sandbox.run(['keys', 'generate'])
          chmodSync(join(sandbox.directory, 'privateKey.jwk.json'), 0o644)
        },
        'key_invalid',
      ],
      [
        'a PRIVATE_KEY that is none',
        async () => writeFileSync(join(sandbox.directory, '.dev.vars'), `PRIVATE_KEY='{"d":"canary"}'`),
        'key_invalid',
      ],
      [
        'a PRIVATE_KEY in PEM that is cut at its first line',
        async () =>
          writeFileSync(join(sandbox.directory, '.dev.vars'), 'PRIVATE_KEY=-----BEGIN PRIVATE KEY-----\ncanary\n'),
        'key_invalid',
      ],
      [
        'a .dev.vars with a byte order mark',
        async () => writeFileSync(join(sandbox.directory, '.dev.vars'), '\ufeffPRIVATE_KEY=canary\n'),
        'config_invalid',
      ],
    ])('refuses %s without quoting it', async (_title, prepare, code) => {
      await prepare()
      const run = await sandbox.run(['token', '--sub', 'ada'])
      expect(run).toMatchObject({ code: 1, stdout: '' })
      expect(run.stderr).toContain(`error[${code}]`)
      expect(run.stderr).not.toContain('canary')
    })

    it('refuses to replace a claim that the issuer sets', async () => {
      await sandbox.run(['keys', 'generate'])
      const { code, stderr } = await sandbox.run(['token', '--sub', 'ada', '--claim', 'iss=mallory'])
      expect(code).toBe(1)
      expect(stderr).toMatch(/^error\[input_invalid\]: .*the claim "iss" is set by the issuer/)
    })
  })
})
