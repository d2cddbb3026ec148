/**
 * `rowpass deploy-check`: stops a deployment whose configuration gives a secret away, or lets anybody in.
 */
import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { Failure } from '../../errors.ts'
import type { Io } from '../io.ts'
import { workerConfig } from '../worker-config.ts'

const help = `
Reads wrangler.jsonc (or .json, .toml) of this folder. "npm run deploy" begins with it.

Examples:
  $ npx rowpass deploy-check && npx wrangler deploy`

/** Bindings that are secrets: whoever can read the repository or the dashboard can read a plain variable. */
const secrets = [
  'PRIVATE_KEY',
  'KEY_RING',
  'KEY_ENCRYPTION_KEYS',
  'ISSUER_DATABASE_URL',
  'ROWPASS_DATABASE_URL',
  'ROWPASS_SEAL_KEYS',
  'OWNER_DATABASE_URL',
  'MAIL_URL',
]

/** What the API does not start without. Its database is among the secrets, where it seals by itself. */
const required = ['ISSUER']

/** The shell side of the command. */
export function define(io: Io): Command {
  return new Command('deploy-check').addHelpText('after', help).action(() => {
    const path = workerConfig(io.cwd)
    const code = withoutComments(readFileSync(path, 'utf8'))
    refusePlainSecrets(code)
    io.stdout(`${path} gives no secret away\n`)
    const missing = required.filter((name) => !isKey(code, name))
    if (missing.length > 0) {
      io.stderr(
        `note: ${missing.join(' and ')} not set there. Unless --var, --secrets-file or the dashboard gives it, the API answers errors\n`,
      )
    }
    if (!isKey(code, 'ADDRESS_HEADER')) {
      io.stderr("note: ADDRESS_HEADER not set there. Without, nobody's failed sign-ins are counted by their address\n")
    }
  })
}

/**
 * Looks for names of secrets among the keys of a wrangler configuration, in JSON or TOML.
 *
 * @param code without comments
 * @throws Failure `config_invalid` that names them, and no value
 */
function refusePlainSecrets(code: string): void {
  const given = secrets.filter((name) => isKey(code, name))
  if (given.length > 0) {
    const detail = `${given.join(', ')} must not be a plain variable: use "npx wrangler secret put ${given[0]}"`
    throw new Failure('config_invalid', { detail })
  }
  if (/(?:^|[{,\s.])["']?DEMO["']?\s*[:=]\s*["']?true/m.test(code)) {
    throw new Failure('config_invalid', {
      detail: 'DEMO signs anybody in without a password: it is not for a deployment',
    })
  }
}

function isKey(code: string, name: string): boolean {
  const quoted = `["']?${name}["']?\\s*`
  return new RegExp(`(?:^|[{,\\s.])${quoted}[:=.]|\\.\\s*${quoted}\\]`, 'm').test(code)
}

/** A comment that has `"vars"` in it says nothing, and a pattern such as `example.com/*` in a text begins none. */
function withoutComments(text: string): string {
  const pieces = /"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|\/\*[\s\S]*?\*\/|\/\/.*|#.*/g
  return text.replaceAll(pieces, (piece) => (/^["']/.test(piece) ? piece : ' '))
}
