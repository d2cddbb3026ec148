/**
 * One process at a time may change a file. A process that was killed leaves no lock that would have to be removed.
 */
import { open, readdir, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { findMarked, markSelf } from '../../database/processes.ts'
import { Failure } from '../../errors.ts'

const waitMs = 10_000
const pollMs = 5

/**
 * Runs `work` while no other process, and no other call in this one, has the lock of the same file.
 *
 * Everybody who wants the lock puts a file of a name of its own beside the one to change, and has the lock when no other
 * live process has one there. Names are never used twice, so what a dead process left can be removed without taking
 * something away from a live one. The first in the order of names waits, the others step back: somebody always gets on.
 *
 * @param path the file to change; its folder must exist
 * @throws Failure `key_ring_busy` when the lock is not free within 10 s
 */
export async function withFileLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const ticket = makeTicket(path)
  const deadline = Date.now() + waitMs
  try {
    while (!(await takeTurn(path, ticket))) {
      if (Date.now() > deadline) throw new Failure('key_ring_busy', { detail: basename(path) })
      await delay(pollMs + Math.random() * pollMs)
    }
    return await work()
  } finally {
    await rm(join(dirname(path), ticket), { force: true })
  }
}

async function takeTurn(path: string, ticket: string): Promise<boolean> {
  // Opened and not written: the name says all, so no reader finds half of it.
  await (await open(join(dirname(path), ticket), 'a', 0o600)).close()
  const others = (await liveTickets(path)).filter((name) => name !== ticket)
  if (others.length === 0) return true
  if (others.some((name) => name < ticket)) await rm(join(dirname(path), ticket), { force: true })
  return false
}

/** Names of those who want or have the lock; what dead processes left is removed. */
async function liveTickets(path: string): Promise<string[]> {
  const prefix = prefixOf(path)
  const names = (await readdir(dirname(path))).filter((name) => name.startsWith(prefix))
  const live = names.filter((name) => findMarked(markIn(name.slice(prefix.length))) !== undefined)
  await Promise.all(
    names.filter((name) => !live.includes(name)).map((name) => rm(join(dirname(path), name), { force: true })),
  )
  return live
}

/** The mark of this process is in the name, and a random part that no other call draws. */
function makeTicket(path: string): string {
  const mark = Buffer.from(JSON.stringify(markSelf())).toString('base64url')
  return `${prefixOf(path)}${crypto.randomUUID()}.${mark}`
}

function markIn(name: string): unknown {
  try {
    return JSON.parse(Buffer.from(name.slice(name.indexOf('.') + 1), 'base64url').toString())
  } catch {
    return undefined
  }
}

function prefixOf(path: string): string {
  return `.${basename(path)}.lock.`
}
