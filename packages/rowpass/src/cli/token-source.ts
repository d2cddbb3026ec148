/**
 * Where a command that talks to a gateway for a long time has its tokens from: a file, or a command that prints one.
 */
import { exec } from 'node:child_process'
import { promisify } from 'node:util'
import { Failure } from '../errors.ts'
import { readText } from './input.ts'
import type { Io } from './io.ts'

const maxCommandMs = 60_000
const maxTokenBytes = 64 * 1024
/** Another token is asked for before this one has expired. */
const earlySeconds = 30

/** Gives a token; `refused` says that the one before was not taken. */
export type TokenSource = (refused: boolean) => Promise<string>

/** Reads the file each time: whoever renews the token writes it there. */
export function tokenFromFile(io: Io, file: string): TokenSource {
  return async () => toToken(readText(io, file), `the file ${file}`)
}

/**
 * Runs the command by the shell, at first and when its token has expired or was refused.
 * @param now milliseconds since the epoch
 */
export function tokenFromCommand(io: Io, command: string, now: () => number = Date.now): TokenSource {
  const run = promisify(exec)
  let known: Promise<{ token: string; until: number }> | undefined

  async function ask(): Promise<{ token: string; until: number }> {
    const options = { cwd: io.cwd, env: { ...io.env }, timeout: maxCommandMs, maxBuffer: maxTokenBytes }
    const { stdout } = await run(command, options).catch((cause: { stderr?: unknown }) => {
      const said = String(cause.stderr ?? '').trim()
      const detail = `--token-command failed${said === '' ? '' : `: ${said.slice(0, 500)}`}`
      throw new Failure('input_invalid', { detail, cause })
    })
    const token = toToken(stdout, '--token-command')
    return { token, until: expiryOf(token) }
  }

  return async (refused) => {
    const before = known
    // Those that come meanwhile wait for the same run.
    if (before !== undefined && !refused) {
      const { token, until } = await before
      if (now() / 1000 < until - earlySeconds) return token
    }
    if (known !== undefined && known !== before) return (await known).token
    const asked = ask()
    known = asked
    asked.catch(() => {
      known = undefined
    })
    return (await asked).token
  }
}

/** A token by itself, or as an issuer answers with it (RFC 6749 §5.1). */
function toToken(text: string, source: string): string {
  const token = /^\s*\{.*"access_token"\s*:\s*"([^"]*)"/s.exec(text)?.[1] ?? text.trim()
  if (/^[\w.~+/=-]+$/.test(token)) return token
  throw new Failure('input_invalid', { detail: `${source} gives no token: one by itself, or JSON with access_token` })
}

/** Seconds since the epoch, as the token says and nobody has verified; for one that does not say, no limit. */
function expiryOf(token: string): number {
  try {
    const { exp } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    return typeof exp === 'number' ? exp : Number.POSITIVE_INFINITY
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
