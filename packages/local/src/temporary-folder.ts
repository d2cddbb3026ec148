/**
 * The folder of a server that keeps nothing: deleted when it ends, or by a later start if it was killed.
 */
import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { findMarked, isAlive, markSelf, readJsonFile, stateFolder, writeJsonFile } from 'rowpass/operate'
import { openForServer } from './postgres/data-folder.ts'
import { readPostmaster } from './postgres/postmaster.ts'

const prefix = 'rowpass-local-'
const ownerFile = 'owner.json'

/** Makes a folder that belongs to this process, and deletes those of processes that were killed. */
export function makeTemporaryFolder(parent: string = tmpdir()): string {
  removeAbandoned(parent)
  const directory = mkdtempSync(join(parent, prefix))
  writeJsonFile(join(directory, ownerFile), { ...markSelf(), host: hostname() })
  openForServer(directory)
  return directory
}

/** Deletes a folder, with all that is in it. */
export function removeTemporaryFolder(directory: string): void {
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
}

function removeAbandoned(parent: string): void {
  for (const name of readdirSync(parent)) {
    const directory = join(parent, name)
    try {
      if (name.startsWith(prefix) && isAbandoned(directory)) removeTemporaryFolder(directory)
    } catch {
      // Another start is deleting it, or it cannot be read: it is left alone.
    }
  }
}

/**
 * Everybody may write where temporary files are: only a folder of this account's that says whose it is counts. Containers may
 * share that place, and a pid means nothing outside of its own. A server that has not noticed yet that its parent is gone
 * keeps its files until the next start.
 */
function isAbandoned(directory: string): boolean {
  const found = lstatSync(directory)
  if (!found.isDirectory() || (process.getuid !== undefined && found.uid !== process.getuid())) return false
  const owner = readJsonFile(join(directory, ownerFile))
  if (owner === undefined || typeof owner.pid !== 'number' || owner.host !== hostname()) return false
  if (findMarked(owner) !== undefined) return false
  const server = readPostmaster(join(directory, stateFolder, 'postgres'))
  return server === undefined || !isAlive(server.pid)
}
