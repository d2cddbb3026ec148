import { chmod, mkdir, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { privateKeyFile, publicKeyFile, readKeyFiles, writeKeyFiles } from '../../../src/issuer/ring/key-files.ts'

let directory: string
let privatePath: string
let publicPath: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rowpass-keys-'))
  privatePath = join(directory, privateKeyFile)
  publicPath = join(directory, publicKeyFile)
})

afterEach(() => rm(directory, { recursive: true }))

const modeOf = async (path: string) => (await stat(path)).mode & 0o777

describe('new key files', () => {
  it('are a private one for the owner alone and a public one', async () => {
    const written = await writeKeyFiles(directory)
    expect(written).toMatchObject({ alg: 'ES256', privatePath, publicPath })
    expect([await modeOf(privatePath), await modeOf(publicPath)]).toEqual([0o600, 0o644])
    expect(JSON.parse(await readFile(publicPath, 'utf8'))).toMatchObject({ kid: written.kid, use: 'sig' })
    expect(await readFile(publicPath, 'utf8')).not.toContain('"d"')
    expect(JSON.parse(await readFile(privatePath, 'utf8'))).toMatchObject({ kid: written.kid, d: expect.any(String) })
  })

  it.each(['ES256', 'RS256', 'PS256', 'EdDSA'] as const)('can be read again (%s)', async (alg) => {
    const { kid } = await writeKeyFiles(directory, alg)
    expect(await readKeyFiles(directory)).toMatchObject({
      signingKey: { kid, alg },
      publicJwk: { kid },
      privateJwk: { kid },
    })
  })

  it('never replace one that is there', async () => {
    await writeKeyFiles(directory)
    const before = await readFile(privatePath, 'utf8')
    await expect(writeKeyFiles(directory)).rejects.toMatchObject({ code: 'key_exists' })
    expect(await readFile(privatePath, 'utf8')).toBe(before)
    await readKeyFiles(directory)
  })

  it('are refused for a folder that is not there', async () => {
    await expect(writeKeyFiles(join(directory, 'missing'))).rejects.toMatchObject({
      code: 'input_invalid',
      detail: expect.stringContaining('the folder does not exist'),
    })
  })

  it('are both written or neither', async () => {
    await writeFile(publicPath, 'mine')
    await expect(writeKeyFiles(directory)).rejects.toMatchObject({
      code: 'key_exists',
      detail: `${publicKeyFile} exists`,
    })
    expect(await readFile(publicPath, 'utf8')).toBe('mine')
    await expect(stat(privatePath)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('are made once when several start together', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => writeKeyFiles(directory)))
    const written = outcomes.filter((outcome) => outcome.status === 'fulfilled')
    expect(written).toHaveLength(1)
    expect((await readKeyFiles(directory)).publicJwk.kid).toBe(written[0]!.value.kid)
  })
})

describe('key files that cannot be used', () => {
  beforeEach(() => writeKeyFiles(directory))

  it.each([0o640, 0o604, 0o644, 0o620, 0o777])('are private ones with mode %o', async (mode) => {
    await chmod(privatePath, mode)
    await expect(readKeyFiles(directory)).rejects.toMatchObject({
      code: 'key_invalid',
      detail: expect.stringContaining('chmod 600'),
    })
  })

  it.each([0o600, 0o400])('are not private ones with mode %o', async (mode) => {
    await chmod(privatePath, mode)
    await readKeyFiles(directory)
  })

  it.each([privateKeyFile, publicKeyFile])('are said to be missing when %s is', async (name) => {
    await rm(join(directory, name))
    await expect(readKeyFiles(directory)).rejects.toMatchObject({
      code: 'key_missing',
      detail: `${name} does not exist`,
    })
  })

  it.each([privateKeyFile, publicKeyFile])('are named when %s is not a key', async (name) => {
    await writeFile(join(directory, name), '{"secret":')
    const failure = await readKeyFiles(directory).catch((error) => error)
    expect(failure).toMatchObject({ code: 'key_invalid', detail: `${name}: The key is not JSON` })
    expect(failure.stack).not.toContain('secret')
  })

  it('are halves of two pairs', async () => {
    const other = await mkdtemp(join(directory, 'other-'))
    await writeKeyFiles(other)
    await writeFile(publicPath, await readFile(join(other, publicKeyFile)))
    await expect(readKeyFiles(directory)).rejects.toMatchObject({
      detail: expect.stringContaining('not the public half'),
    })
  })

  it('are folders, or far too large', async () => {
    await truncate(publicPath, 262_145)
    await expect(readKeyFiles(directory)).rejects.toMatchObject({ detail: expect.stringContaining('too large') })
    await rm(publicPath)
    await mkdir(publicPath)
    await expect(readKeyFiles(directory)).rejects.toMatchObject({ detail: expect.stringContaining('regular file') })
  })
})
