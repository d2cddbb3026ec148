/**
 * Temporary folders that do not pile up: one of a run that was killed goes when the next one starts.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openForServer } from '../packages/local/src/postgres/data-folder.ts'
import { isAlive } from '../packages/rowpass/src/database/processes.ts'

/**
 * Makes a folder that the server of a database can enter. Whoever makes it removes it.
 * @param prefix of letters, digits and hyphens, the same for all runs of one kind
 */
export function makeScratch(prefix = 'rowpass-bench'): string {
  removeAbandoned(prefix)
  const directory = mkdtempSync(join(tmpdir(), `${prefix}-${process.pid}-`))
  openForServer(directory)
  return directory
}

/** Folders of processes that are gone; their servers have ended with them. */
function removeAbandoned(prefix: string): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = new RegExp(`^${prefix}-(\\d+)-`).exec(name)?.[1]
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(tmpdir(), name), { recursive: true, force: true })
  }
}
