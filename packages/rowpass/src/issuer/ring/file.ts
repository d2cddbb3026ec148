/**
 * A key ring in one file, for one machine: mode 0600, replaced as a whole, by one process at a time.
 */
import { access, constants, open, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { Failure } from '../../errors.ts'
import { readKeyFile } from './key-files.ts'
import { withFileLock } from './lock.ts'
import { activeKey, createRing, noteTtl, publishedKeys, type Ring, type RingTiming } from './ring.ts'
import { defaultTiming, type KeyUse, type RingChange, type RingStore, type StoredRing } from './ring-store.ts'
import { type CountedUse, formatKeyRing, type PrivateRing, parseKeyRing } from './text.ts'

/** What is taken from outside. */
export interface FileStoreOptions {
  /** Timing of a ring that is not there yet. */
  readonly timing?: RingTiming
  /** Milliseconds since the epoch. Default `Date.now`. */
  readonly now?: () => number
}

/**
 * A ring in a file. It need not exist yet; its folder must.
 *
 * The new content is written to a draft beside it and synced before it takes the name, so after a crash at any point the
 * file holds the old ring or the new one. Does NOT encrypt: the file is as secret as `privateKey.jwk.json`.
 *
 * @throws (each function) Failure `key_invalid` when the file cannot be used, or is open to other users
 * @throws (what changes it) Failure `input_invalid` when its folder is not there, or cannot be written
 */
export function createFileRing(file: string, options: FileStoreOptions = {}): RingStore {
  const path = resolve(file)
  const { timing = defaultTiming, now = Date.now } = options

  async function load(): Promise<PrivateRing> {
    try {
      return await parseKeyRing(await readKeyFile(dirname(path), basename(path), { secret: true }))
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== 'key_missing') throw error
      return { ring: createRing(timing), privateJwks: new Map(), uses: [] }
    }
  }

  /** Under the lock. The file is not touched when nothing changes. */
  async function update(work: (before: PrivateRing) => Promise<PrivateRing>): Promise<PrivateRing> {
    await requireFolder(path)
    return withFileLock(path, async () => {
      const before = await load()
      const after = await work(before)
      if (after !== before) await replaceFile(path, formatKeyRing(after))
      return after
    })
  }

  async function change(work: (ring: Ring, nowMs: number) => Promise<RingChange>): Promise<StoredRing> {
    const after = await update(async (before) => {
      const { ring, made = [] } = await work(before.ring, now())
      if (ring === before.ring) return before
      const secrets = new Map([...before.privateJwks, ...made.map(({ kid, privateJwk }) => [kid, privateJwk] as const)])
      const live = ring.keys.filter(({ state }) => state !== 'gone')
      const lost = live.find(({ kid }) => !secrets.has(kid))
      if (lost !== undefined) throw new TypeError(`the private half of ${lost.kid} was not given`)
      const privateJwks = new Map([...secrets].filter(([kid]) => live.some((key) => key.kid === kid)))
      return { ring, privateJwks, uses: unexpired(before.uses, now()) }
    })
    return toStored(after, now())
  }

  return {
    says: path,
    inFile: true,
    read: async () => toStored(await load(), now()),
    change,
    rewrap: async () => [],
    async exchange(uses) {
      const { ring } = uses.length === 0 ? await load() : await update(async (before) => note(before, uses, now()))
      if (ring.keys.length === 0) throw new Failure('key_missing', { detail: `${basename(path)} holds no key` })
      return { timing: ring.timing, published: publishedKeys(ring), active: activeKey(ring) }
    },
    async privateJwk(kid) {
      const jwk = (await load()).privateJwks.get(kid)
      if (jwk === undefined) throw new Failure('key_missing', { detail: `The key ring has no ${kid} that signs` })
      return jwk
    },
  }
}

async function requireFolder(path: string): Promise<void> {
  await access(dirname(path), constants.W_OK).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'ENOENT' ? 'the folder does not exist' : cause.code
    throw new Failure('input_invalid', { detail: `${path} cannot be written: ${why}`, cause })
  })
}

function note(before: PrivateRing, uses: readonly KeyUse[], nowMs: number): PrivateRing {
  let { ring } = before
  const counts = new Map(unexpired(before.uses, nowMs).map((use) => [`${use.kid} ${use.expiresMinute}`, use]))
  for (const { kid = activeKey(ring)?.kid, expiresMinute, tokens, longestTtlSeconds } of uses) {
    const signs = ring.keys.some((key) => key.kid === kid && ['active', 'retired'].includes(key.state))
    if (kid === undefined || !signs) continue
    ring = noteTtl(ring, kid, longestTtlSeconds)
    const name = `${kid} ${expiresMinute}`
    counts.set(name, { kid, expiresMinute, tokens: tokens + (counts.get(name)?.tokens ?? 0) })
  }
  return { ...before, ring, uses: [...counts.values()] }
}

function unexpired(uses: readonly CountedUse[], nowMs: number): CountedUse[] {
  return uses.filter(({ expiresMinute }) => expiresMinute * 60_000 > nowMs)
}

function toStored({ ring, uses }: PrivateRing, nowMs: number): StoredRing {
  const tokensInUse = new Map<string, number>()
  for (const { kid, tokens } of unexpired(uses, nowMs)) tokensInUse.set(kid, tokens + (tokensInUse.get(kid) ?? 0))
  return { ring, nowMs, tokensInUse, wrappedUnder: new Map() }
}

/** Under the lock, so drafts that are there were left by the dead. */
async function replaceFile(path: string, text: string): Promise<void> {
  const folder = dirname(path)
  const prefix = `.${basename(path)}.draft.`
  for (const name of await readdir(folder)) if (name.startsWith(prefix)) await rm(join(folder, name), { force: true })
  const draft = join(folder, `${prefix}${process.pid}`)
  try {
    const handle = await open(draft, 'wx', 0o600)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
  await syncFolder(folder)
}

/** Until the folder is synced, a loss of power may bring the old file back. Windows has no such call. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
