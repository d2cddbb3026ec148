/**
 * `rowpass token`: signs a token with the project's key.
 */
import { Command, InvalidArgumentError } from 'commander'
import { Failure, OptionError } from '../../errors.ts'
import { defaultTtlSeconds, issueToken, maxTtlSeconds } from '../../issuer/issue.ts'
import type { Io } from '../io.ts'
import { type NarrowOptions, narrow, readSubjectToken } from '../narrow-token.ts'
import { loadProject } from '../project.ts'
import { withProjectKeys } from '../project-keys.ts'

const help = `
Signs with PRIVATE_KEY, KEY_RING or KEY_RING_FILE, else with the key ring of this folder's database, else with
privateKey.jwk.json in this folder. Prints the token and nothing else.
iss and aud are ISSUER and AUDIENCE, as with "rowpass dev".

Examples:
  $ npx rowpass token --sub 2e7e25e8-5445-40bd-8f89-dc19bba64faa \\
      --claim tenant_id=f330c503-5e9c-46a7-8393-2995aeb03675 --claim role=member
  $ npx rowpass token --sub ada --claim level:=3 --ttl 60
  $ npx rowpass token --sub ada --narrow --act assistant --scope "sql:read table:public.notes" --minutes 10 --max-rows 500
  $ npx rowpass token --narrow --token @ada.jwt --act assistant`

type Claims = Record<string, unknown>

/** Of a narrowed token. */
const maxMinutes = 60

interface TokenOptions extends NarrowOptions {
  sub?: string
  narrow?: true
  token?: string
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
    .option('--sub <id>', 'subject of the token')
    .option('--claim <name=text>', 'one more claim; name:=value takes JSON; may be repeated', addClaim, {})
    .option('--ttl <seconds>', `lifetime, 1 to ${maxTtlSeconds}`, parseTtl, defaultTtlSeconds)
    .option('--issuer <url>', 'iss')
    .option('--audience <name>', 'aud')
    .option('--client-id <name>', 'client_id', 'rowpass-cli')
    .option('--narrow', 'for an agent, which may do less than the subject; the next options are for it')
    .option('--act <agent>', 'who acts for the subject', 'rowpass-cli')
    .option('--scope <scopes>', 'sql:read, sql:write, table:<schema>.<name>[:select,insert,update,delete]', 'sql:read')
    .option('--minutes <minutes>', `lifetime, 1 to ${maxMinutes}, or as long as the token of --token`, parseMinutes, 5)
    .option('--max-rows <rows>', 'rows that one request may return or change', parseRows)
    .option('--token <source>', 'narrow this one and keep its claims: - for standard input, or @file')
    .option('--json', 'print an OAuth token response instead')
    .addHelpText('after', help)
    .action((options: TokenOptions, command: Command) => {
      const problem = problemOf(options, command)
      if (problem !== undefined) command.error(`error: ${problem}`)
      return tokenCommand(io, options)
    })
}

const narrowing = ['act', 'scope', 'minutes', 'maxRows', 'token'] as const

function problemOf({ sub, narrow, token, claim }: TokenOptions, command: Command): string | undefined {
  const given = (name: string) => command.getOptionValueSource(name) === 'cli'
  if (narrow !== true && narrowing.some(given))
    return '--act, --scope, --minutes, --max-rows and --token are for --narrow'
  if (narrow === true && given('ttl')) return 'a narrowed token has --minutes in place of --ttl'
  if (token === undefined && sub === undefined) return "required option '--sub <id>' not specified"
  const says = sub !== undefined || Object.keys(claim).length > 0
  return token !== undefined && says
    ? 'the token of --token says who its subject is: without --sub and --claim'
    : undefined
}

async function tokenCommand(io: Io, options: TokenOptions): Promise<void> {
  const project = loadProject(io)
  const { issuer = project.issuer, audience = project.audience, clientId } = options
  const { token, ttlSeconds } = await withProjectKeys(project, async (keys) => {
    const { sub = '', claim } = options
    const subject =
      options.token === undefined
        ? { subject: sub, claims: claim }
        : await readSubjectToken(io, options.token, { issuer, audience, keys })
    const said = options.narrow === true ? narrow(subject, options) : { claims: claim, ttlSeconds: options.ttl }
    const key = await keys.signingKey(said.ttlSeconds)
    const grant = { issuer, audience, subject: subject.subject, clientId, ...said }
    return { token: await issueToken(key, grant).catch(refuseInput), ttlSeconds: said.ttlSeconds }
  })
  const response = { access_token: token, token_type: 'Bearer', expires_in: ttlSeconds }
  io.stdout(`${options.json === true ? JSON.stringify(response) : token}\n`)
}

/** To the issuer wrong claims are a mistake of the programmer; here they came from a person. */
function refuseInput(error: unknown): never {
  const detail = error instanceof OptionError ? error.message : claimsProblem(error)
  throw detail === undefined ? error : new Failure('input_invalid', { detail, cause: error })
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
  return wholeNumber(text, maxTtlSeconds)
}

function parseMinutes(text: string): number {
  return wholeNumber(text, maxMinutes)
}

function parseRows(text: string): number {
  return wholeNumber(text, 1_000_000_000)
}

function wholeNumber(text: string, max: number): number {
  const number = Number(text)
  if (/^\d+$/.test(text) && number >= 1 && number <= max) return number
  throw new InvalidArgumentError(`It is not a whole number from 1 to ${max}.`)
}
