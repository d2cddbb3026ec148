/**
 * What several commands take: a file's text, and a time.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { InvalidArgumentError } from 'commander'
import { Failure } from '../errors.ts'
import type { Io } from './io.ts'

/** @throws Failure `input_invalid` when it cannot be read */
export function readText(io: Io, file: string): string {
  try {
    return readFileSync(resolve(io.cwd, file), 'utf8')
  } catch (error) {
    throw new Failure('input_invalid', { detail: `${file} cannot be read`, cause: error })
  }
}

/** Seconds, from 1 to 600. */
export function parseTimeout(text: string): number {
  const seconds = Number(text)
  if (/^\d+$/.test(text) && seconds >= 1 && seconds <= 600) return seconds
  throw new InvalidArgumentError('It is not a whole number from 1 to 600.')
}
