/**
 * `rowpass token`: signs a token with the project's key.
 */
import { Command, InvalidArgumentError } from 'commander'
import { Failure, OptionError } from '../../errors.ts'
import { defaultTtlSeconds, issueToken, maxTtlSeconds } from '../../issuer/issue.ts'
import type { Io } from '../io.ts'
import { loadProject } from '../project.ts'
import { withProjectKeys } from '../project-keys.ts'

const help = `
Signs with PRIVATE_KEY, KEY_RING or KEY_RING_FILE, else with the key ring of this folder's database, else with
privateKey.jwk.json in this folder. Prints the token and nothing else.
iss and aud are ISSUER and AUDIENCE, as with "rowpass dev".

Examples:
  $ npx rowpass token --sub 2e7e25e8-5445-40bd-8f89-dc19bba64faa \\
      --claim tenant_id=f330c503-5e9c-46a7-8393-2995aeb03675 --claim role=member
  $ npx rowpass token --sub ada --claim level:=3 --ttl 60`

type Claims = Record<string, unknown>

interface TokenOptions {
  sub: string
  claim: Claims
  ttl: number
  issuer?: string
  audience?: string
  clientId: string
  json?: true
}

/** The shell side of the command. */
export function define(io: Io): Command {
  return new Command('token')
    .requiredOption('--sub <id>', 'subject of the token')
    .option('--claim <name=text>', 'one more claim; name:=value takes JSON; may be repeated', addClaim, {})
    .option('--ttl <seconds>', `lifetime, 1 to ${maxTtlSeconds}`, parseTtl, defaultTtlSeconds)
    .option('--issuer <url>', 'iss')
    .option('--audience <name>', 'aud')
    .option('--client-id <name>', 'client_id', 'rowpass-cli')
    .option('--json', 'print an OAuth token response instead')
    .addHelpText('after', help)
    .action((options: TokenOptions) => tokenCommand(io, options))
}

async function tokenCommand(io: Io, options: TokenOptions): Promise<void> {
  const project = loadProject(io)
  const token = await withProjectKeys(project, async (keys) =>
    issueToken(await keys.signingKey(options.ttl), {
      issuer: options.issuer ?? project.issuer,
      audience: options.audience ?? project.audience,
      subject: options.sub,
      clientId: options.clientId,
      claims: options.claim,
      ttlSeconds: options.ttl,
    }).catch((error: unknown) => {
      // To the issuer wrong claims are a mistake of the programmer; here they came from a person.
      const detail = error instanceof OptionError ? error.message : claimsProblem(error)
      throw detail === undefined ? error : new Failure('input_invalid', { detail, cause: error })
    }),
  )
  const response = { access_token: token, token_type: 'Bearer', expires_in: options.ttl }
  io.stdout(`${options.json === true ? JSON.stringify(response) : token}\n`)
}

function claimsProblem(error: unknown): string | undefined {
  return error instanceof Failure && error.code === 'claims_invalid' ? error.detail : undefined
}

function addClaim(text: string, claims: Claims): Claims {
  const match = /^(?<name>[^=:]+)(?<json>:?)=(?<value>.*)$/s.exec(text)?.groups
  if (match?.name === undefined || match.value === undefined) throw new InvalidArgumentError('It is not name=text.')
  return { ...claims, [match.name]: match.json === ':' ? parseJson(match.value) : match.value }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new InvalidArgumentError('What follows := is not JSON.')
  }
}

function parseTtl(text: string): number {
  const seconds = Number(text)
  if (/^\d+$/.test(text) && seconds >= 1 && seconds <= maxTtlSeconds) return seconds
  throw new InvalidArgumentError(`It is not a whole number from 1 to ${maxTtlSeconds}.`)
}
