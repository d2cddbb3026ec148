/**
 * `.rowpass/running.json`: which process runs this folder, and where it can be reached. Gone when it ends.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { makeStateFolder, readJsonFile, stateFolder, writeJsonFile } from '../database/private-files.ts'
import { findMarked, markSelf, type ProcessMark } from '../database/processes.ts'
import { Failure } from '../errors.ts'

/** Where the system is once it is ready. */
export interface RunningUrls {
  /** With a password. */
  readonly ownerUrl: string
  /** Role `authenticated`, no password. */
  readonly databaseUrl: string
  readonly gatewayUrl: string
  readonly apiUrl: string
}

/** A process that runs this folder. */
export type Running = ProcessMark & ({ readonly ready: false } | ({ readonly ready: true } & RunningUrls))

/** The process that runs a folder; undefined when there is none. */
export function readRunning(directory: string): Running | undefined {
  const stored = readJsonFile(fileOf(directory))
  const mark = findMarked(stored)
  if (stored === undefined || mark === undefined) return undefined
  const { ownerUrl, databaseUrl, gatewayUrl, apiUrl } = stored
  if ([ownerUrl, databaseUrl, gatewayUrl, apiUrl].some((url) => typeof url !== 'string'))
    return { ...mark, ready: false }
  const urls = { ownerUrl, databaseUrl, gatewayUrl, apiUrl } as RunningUrls // each one was just seen to be text
  return { ...mark, ready: true, ...urls }
}

/**
 * Claims a folder for this process.
 *
 * @returns how to publish the URLs, and how to give the folder back
 * @throws Failure `already_running` when another process has it
 */
export function claimFolder(directory: string): { publish(urls: RunningUrls): void; release(): void } {
  const other = readRunning(directory)
  if (other !== undefined) throw new Failure('already_running', { detail: `process ${other.pid}` })
  makeStateFolder(directory)
  const file = fileOf(directory)
  const release = (): void => rmSync(file, { force: true })
  writeJsonFile(file, { ...markSelf() })
  // Also when the process ends without ceremony, at the second Ctrl-C.
  process.once('exit', release)
  return {
    publish: (urls) => writeJsonFile(file, { ...markSelf(), ...urls }),
    release() {
      process.off('exit', release)
      release()
    },
  }
}

function fileOf(directory: string): string {
  return join(directory, stateFolder, 'running.json')
}
