/** What a local system leaves when it is killed, and who takes it away. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'
import { markSelf } from '../../rowpass/src/database/processes.ts'
import { repository } from '../../rowpass/test/support/pg.ts'
import { openForServer } from '../src/postgres/data-folder.ts'
import { readPostmaster } from '../src/postgres/postmaster.ts'
import { makeTemporaryFolder } from '../src/temporary-folder.ts'

const program = `${repository}packages/local/bin/rowpass-local.js`
const parent = mkdtempSync(join(tmpdir(), 'rowpass-folders-'))
openForServer(parent)
afterAll(() => rmSync(parent, { recursive: true, force: true, maxRetries: 5 }))

describe('the folder of a system that was killed', () => {
  it('is deleted by the next start', async () => {
    const env = { ...process.env, TMPDIR: parent }
    const child = spawn(process.execPath, [program, '--json'], { env, stdio: ['ignore', 'pipe', 'ignore'] })
    await once(child.stdout, 'data')
    const [name = ''] = readdirSync(parent)
    const server = () => readPostmaster(join(parent, name, '.rowpass/postgres'))
    expect(server()).toMatchObject({ ready: true })
    child.kill('SIGKILL')
    await expect.poll(server, { timeout: 20_000 }).toBeUndefined()
    expect(readdirSync(parent)).toEqual([name])

    await promisify(execFile)(process.execPath, [program, '--', process.execPath, '--version'], { env })
    expect(readdirSync(parent)).toEqual([])
  }, 90_000)

  const gone = { ...markSelf(), started: 'long ago', host: hostname() }
  const folders: readonly [what: string, isKept: boolean, owner: Record<string, unknown> | undefined][] = [
    ['whose pid belongs to another process now', false, gone],
    ['whose process runs', true, { ...markSelf(), host: hostname() }],
    ['of another container', true, { ...gone, host: 'another' }],
    ['that does not say whose it is', true, undefined],
    ['whose owner is no process', true, { host: hostname() }],
  ]
  it.each(folders)('%s: kept %s', (_, isKept, owner) => {
    const folder = join(mkdtempSync(join(parent, 'case-')), 'rowpass-local-abcdef')
    mkdirSync(folder)
    if (owner !== undefined) writeFileSync(join(folder, 'owner.json'), JSON.stringify(owner))
    const made = makeTemporaryFolder(join(folder, '..'))
    expect([existsSync(folder), existsSync(made)]).toEqual([isKept, true])
  })

  it('is left alone when it is a link, or does not have our name', () => {
    const place = mkdtempSync(join(parent, 'case-'))
    const folder = join(place, 'precious')
    mkdirSync(folder)
    writeFileSync(join(folder, 'owner.json'), JSON.stringify(gone))
    symlinkSync(folder, join(place, 'rowpass-local-linked'))
    makeTemporaryFolder(place)
    expect(existsSync(join(folder, 'owner.json'))).toBe(true)
    expect(readdirSync(place)).toContain('rowpass-local-linked')
  })
})
