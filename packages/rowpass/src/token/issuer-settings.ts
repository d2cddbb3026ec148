/** Which issuers are believed, and what of each: one table that checks, prints and documents their settings. */
import { OptionError } from '../errors.ts'
import { type AcceptedAlgorithm, algorithms, ownAlgorithms, toAlgorithm } from './algorithms.ts'
import { type ClaimPath, type ClaimValue, toSteps } from './claim-path.ts'
import { toMediaType } from './compact.ts'
import { maxBodyBytes } from './fetch-jwks.ts'
import { assertJwksUrl } from './jwks-url.ts'
import { parseScopes } from './narrowing.ts'
import { maxForeignTokenLength, maxTokenLength } from './token-limits.ts'
import { usualLeewaySeconds } from './verified-token.ts'

/** How one setting of an issuer is declared. `docs/configuration.md` is written from these declarations. */
interface IssuerSetting<Given, Parsed> {
  /** What holds where nothing is given; absent for a setting that need not have a value. */
  readonly default?: Given
  readonly says: string
  /** @throws OptionError that goes on where the name of the setting stands */
  parse(given: Given): Parsed
  /** What a value beyond the default gives up, in a sentence; undefined when it gives up nothing. */
  givesUp?(parsed: Parsed): string | undefined
}

/** What a tenant looks like in the tokens of an issuer. */
export type TenantType = 'uuid' | 'text' | 'integer' | 'any'

const maxLifetimeSeconds = 2_592_000
const defaultMaxTtlSeconds = 3_600
const dayInSeconds = 86_400

const name = (given: string): string => {
  if (typeof given !== 'string' || given === '' || given.length > 255)
    throw new OptionError('is not a text of 1 to 255 characters')
  return given
}

const list = <T>(given: readonly T[], isItem: (item: unknown) => boolean, what: string): readonly T[] => {
  if (!Array.isArray(given) || !given.every(isItem)) throw new OptionError(`is not a list of ${what}`)
  return [...given]
}

const integer = (min: number, max: number) => (given: number) => {
  if (!Number.isInteger(given) || given < min || given > max)
    throw new OptionError(`is not a whole number from ${min} to ${max}`)
  return given
}

/** A dot or a colon would end the role in a seal; PostgreSQL cuts names at 63 bytes, and two must not become one. */
const isRole = (given: unknown): boolean => typeof given === 'string' && /^[a-z_][a-z0-9_$]{0,62}$/.test(given)

const path = (given: ClaimPath): ClaimPath => {
  toSteps(given)
  return typeof given === 'string' ? given : [...given]
}

const scopeMap = (given: Readonly<Record<string, string>>): Readonly<Record<string, string>> => {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw new OptionError('is not an object')
  for (const [word, ours] of Object.entries(given)) {
    try {
      parseScopes(ours.split(' ').filter((each) => each !== ''))
    } catch (error) {
      throw new OptionError(
        `has for "${word}" what is no scope of ours: ${error instanceof Error ? error.message : ''}`,
      )
    }
  }
  return { ...given }
}

const days = (seconds: number) => Math.round((seconds / dayInSeconds) * 10) / 10

/** Every setting of an issuer. In JSON a name is written with underscores: `jwks_url`. */
export const issuerSettings = {
  iss: {
    says: '`iss` of its tokens, compared character by character',
    parse: name,
  } satisfies IssuerSetting<string, string>,
  jwksUrl: {
    says: 'where its keys are published; https, loopback exempt. Without it they are where `/.well-known/openid-configuration` or `/.well-known/oauth-authorization-server` (RFC 8414) of `iss` says',
    parse: (given: URL | string): URL => {
      if (!(given instanceof URL) && !(typeof given === 'string' && URL.canParse(given)))
        throw new OptionError('is not a URL')
      return new URL(given)
    },
  } satisfies IssuerSetting<URL | string, URL>,
  audience: {
    says: 'what `aud` must be or contain: a text, or a list of which one suffices. It may be left out where `require` stands in its place. `false`: `aud` is not looked at',
    parse: (given: string | readonly string[] | false): readonly string[] | false => {
      if (given === false) return false
      const audiences = typeof given === 'string' ? [given] : given
      if (!Array.isArray(audiences) || audiences.length === 0)
        throw new OptionError('is empty: to accept any, it is false')
      return audiences.map(name)
    },
    givesUp: (parsed: readonly string[] | false) =>
      parsed === false ? 'tokens that the issuer made for other applications are accepted here too' : undefined,
  } satisfies IssuerSetting<string | readonly string[] | false, readonly string[] | false>,
  require: {
    says: 'claims that a token must have, by name or path, each with a value or a list of which one suffices: `{"azp": ["https://app.example.com"]}`. A claim that is a list must contain one',
    parse: (
      given: Readonly<Record<string, ClaimValue | readonly ClaimValue[]>>,
    ): Readonly<Record<string, readonly ClaimValue[]>> => {
      const isValue = (value: unknown) => ['string', 'number', 'boolean'].includes(typeof value)
      if (typeof given !== 'object' || given === null || Array.isArray(given) || Object.keys(given).length === 0) {
        throw new OptionError('is not an object of claims')
      }
      return Object.fromEntries(
        Object.entries(given).map(([claim, value]) => {
          path(claim)
          const values = list(
            Array.isArray(value) ? value : [value as ClaimValue],
            isValue,
            'texts, numbers, true or false',
          )
          if (values.length === 0) throw new OptionError(`has no value for "${claim}"`)
          return [claim, values]
        }),
      )
    },
  } satisfies IssuerSetting<
    Readonly<Record<string, ClaimValue | readonly ClaimValue[]>>,
    Readonly<Record<string, readonly ClaimValue[]>>
  >,
  algorithms: {
    default: ownAlgorithms,
    says: 'what it may sign with. `ES384`, `ES512`, `RS384`, `RS512`, `PS384`, `PS512` only where they are listed; `Ed25519` (RFC 9864) is `EdDSA`',
    parse: (given: readonly (AcceptedAlgorithm | 'Ed25519')[]): readonly AcceptedAlgorithm[] => {
      if (!Array.isArray(given) || given.length === 0) throw new OptionError('is empty')
      return given.map((alg: unknown) => {
        const known = toAlgorithm(alg)
        if (known === undefined) throw new OptionError(`has ${JSON.stringify(alg)}: ${describeAlgorithm(alg)}`)
        return known
      })
    },
  } satisfies IssuerSetting<readonly (AcceptedAlgorithm | 'Ed25519')[], readonly AcceptedAlgorithm[]>,
  typ: {
    default: ['at+jwt'],
    says: '`typ` headers it may use; `""` stands for none',
    parse: (given: readonly string[]): readonly string[] => {
      const types = list(given, (typ) => typeof typ === 'string', 'texts')
      if (types.length === 0) throw new OptionError('is empty')
      if (types.includes('*'))
        throw new OptionError('has "*": list those that its tokens have, such as "JWT", or "" for none')
      return types
    },
    givesUp: (parsed: readonly string[]) =>
      parsed.every((typ) => toMediaType(typ) === 'at+jwt')
        ? undefined
        : 'an ID token of the issuer may look like an access token: the audience, or what is required, has to tell them apart',
  } satisfies IssuerSetting<readonly string[], readonly string[]>,
  maxTtlSeconds: {
    default: defaultMaxTtlSeconds,
    says: `longest lifetime, \`exp\` − \`iat\`, up to ${maxLifetimeSeconds} (30 days)`,
    parse: integer(1, maxLifetimeSeconds),
    givesUp: (parsed: number) =>
      parsed > dayInSeconds ? `a token that leaks is good for up to ${days(parsed)} days` : undefined,
  } satisfies IssuerSetting<number, number>,
  iatOptional: {
    default: false,
    says: 'whether tokens may come without `iat`. Then `exp` is at most `max_ttl_seconds` ahead',
    parse: (given: boolean): boolean => {
      if (typeof given !== 'boolean') throw new OptionError('is neither true nor false')
      return given
    },
    givesUp: (parsed: boolean) =>
      parsed ? 'when a token was made is not known: only what is left of its lifetime is limited' : undefined,
  } satisfies IssuerSetting<boolean, boolean>,
  leewaySeconds: {
    default: usualLeewaySeconds,
    says: 'how far its clock may differ, from 0 to 120',
    parse: integer(0, 120),
    givesUp: (parsed: number) => (parsed > 60 ? `a token is accepted for ${parsed} s after it has expired` : undefined),
  } satisfies IssuerSetting<number, number>,
  maxTokenBytes: {
    default: maxTokenLength,
    says: `longest token, up to ${maxForeignTokenLength}; all headers of a request together may have 24 KiB`,
    parse: integer(1, maxForeignTokenLength),
    givesUp: (parsed: number) =>
      parsed > maxTokenLength ? 'tokens of this size are read before their signature is verified' : undefined,
  } satisfies IssuerSetting<number, number>,
  maxJwksBytes: {
    default: maxBodyBytes,
    says: 'largest key set, up to 1048576; it may have 256 keys',
    parse: integer(1, 1_048_576),
    givesUp: (parsed: number) =>
      parsed > maxBodyBytes ? 'the issuer may have this much read and imported' : undefined,
  } satisfies IssuerSetting<number, number>,
  tenantClaim: {
    default: 'tenant_id',
    says: 'claim that names the tenant, by name, path, or list of steps: `org_id`, `organization.id`. Requests count against it, and the log has it. Policies read the claims themselves',
    parse: path,
  } satisfies IssuerSetting<ClaimPath, ClaimPath>,
  tenantType: {
    default: 'uuid',
    says: 'what the tenant must be where there is one: `uuid`, `text`, `integer`, or `any` for what is left to the policies. A tenant of `null` is none',
    parse: (given: TenantType): TenantType => {
      if (!['uuid', 'text', 'integer', 'any'].includes(given))
        throw new OptionError('is not uuid, text, integer or any')
      return given
    },
    givesUp: (parsed: TenantType) =>
      parsed === 'uuid' ? undefined : 'a policy that casts the tenant to uuid fails for those that are none',
  } satisfies IssuerSetting<TenantType, TenantType>,
  role: {
    default: 'authenticated',
    says: 'database role of its tokens: this one, `anonymous`, or a role that you have granted to one of the two. `db migrate` refuses a login that may take any other',
    parse: (given: string): string => {
      if (!isRole(given)) throw new OptionError('is not a lower-case role name')
      return given
    },
  } satisfies IssuerSetting<string, string>,
  roleClaim: {
    says: 'claim that names the database role, by name, path, or list of steps; then `roles` lists the values it may have. Of a claim that is a list, the first of `roles` that is in it counts',
    parse: path,
  } satisfies IssuerSetting<ClaimPath, ClaimPath>,
  roles: {
    default: [],
    says: 'see `role_claim`',
    parse: (given: readonly string[]): readonly string[] => list(given, isRole, 'lower-case role names'),
  } satisfies IssuerSetting<readonly string[], readonly string[]>,
  scopeClaim: {
    default: 'scope',
    says: 'claim that has the scopes, by name, path, or list of steps: a text of words, or a list. See [narrowed tokens](agents.md#narrowed-tokens)',
    parse: path,
  } satisfies IssuerSetting<ClaimPath, ClaimPath>,
  scopes: {
    says: 'what its own scopes stand for among ours, which are `sql:read`, `sql:write`, `table:…` and `rows:…`: `{"db.read": "sql:read"}`. One that stands for `""` is not looked at; neither is one that is not here and none of ours. `""` as a name is a token with `act` and no scope that counts, which may do nothing without it',
    parse: scopeMap,
  } satisfies IssuerSetting<Readonly<Record<string, string>>, Readonly<Record<string, string>>>,
}

type Table = typeof issuerSettings
type Name = keyof Table
type Given<N extends Name> = Parameters<Table[N]['parse']>[0]
type Parsed<N extends Name> = ReturnType<Table[N]['parse']>
type Defaulted = { [N in Name]: Table[N] extends { default: unknown } ? N : never }[Name]

/** What is said of an issuer; only `iss` and one of `audience` and `require` are required. {@link issuerSettings} says what. */
export type IssuerSettings = { readonly iss: string } & { readonly [N in Name]?: Given<N> | undefined }

/** One issuer that is trusted to say who somebody is, with every default in place. It is its own {@link IssuerSettings}. */
export type TrustedIssuer = { readonly iss: string } & { readonly [N in Defaulted]: Parsed<N> } & {
  readonly [N in Exclude<Name, Defaulted>]?: Parsed<N> | undefined
}

/**
 * Checks the settings of issuers and fills in the defaults; a later change of the input has no effect on the copies.
 *
 * Two entries may have one `iss` when no audience, or no value of a claim that both require, fits both.
 *
 * @throws OptionError naming the issuer and the setting that is wrong, as it is written in the library
 */
export function parseIssuers(
  given: readonly IssuerSettings[],
  options: { readonly allowPrivateNetwork: boolean },
): readonly TrustedIssuer[] {
  const issuers = given.map((settings) => parseIssuer(settings, options))
  for (const [index, issuer] of issuers.entries()) {
    const same = issuers.slice(0, index).find((other) => other.iss === issuer.iss && overlap(issuer, other))
    if (same !== undefined) {
      throw new OptionError(
        `the issuer ${issuer.iss} is configured twice, and a token may fit both: let audience or require differ`,
      )
    }
  }
  return issuers
}

function parseIssuer(given: IssuerSettings, options: { readonly allowPrivateNetwork: boolean }): TrustedIssuer {
  const about = (problem: string) =>
    new OptionError(typeof given.iss === 'string' && given.iss !== '' ? `the issuer ${given.iss}: ${problem}` : problem)
  const parsed: Record<string, unknown> = {}
  for (const [member, row] of Object.entries(issuerSettings) as [Name, IssuerSetting<unknown, unknown>][]) {
    const value = given[member] ?? row.default
    try {
      if (value !== undefined) parsed[member] = row.parse(value)
    } catch (error) {
      throw about(`${member} ${error instanceof TypeError ? error.message : 'is wrong'}`)
    }
  }
  const unknown = Object.keys(given).find((member) => !Object.hasOwn(issuerSettings, member))
  if (unknown !== undefined) throw about(`${unknown} is not a setting`)
  const issuer = parsed as unknown as TrustedIssuer
  if (issuer.iss === undefined) throw new OptionError('an issuer has no iss')
  if (issuer.audience === undefined && issuer.require === undefined) {
    throw about('audience is missing: what "aud" must be, or a claim in its place, in require')
  }
  if (issuer.roleClaim !== undefined && issuer.roles.length === 0) throw about('roles is empty')
  if (issuer.jwksUrl === undefined && !URL.canParse(issuer.iss)) throw about('jwksUrl is missing, and iss is no URL')
  try {
    assertJwksUrl(issuer.jwksUrl ?? new URL(issuer.iss), options)
  } catch (error) {
    throw about(error instanceof Error ? error.message : 'jwksUrl is wrong')
  }
  return issuer
}

/** Whether a token may fit both entries of one issuer. */
function overlap(a: TrustedIssuer, b: TrustedIssuer): boolean {
  const [first, second] = [conditionsOf(a), conditionsOf(b)]
  return !Object.entries(first).some(([claim, values]) => second[claim]?.every((value) => !values.includes(value)))
}

function conditionsOf({ audience, require = {} }: TrustedIssuer): Readonly<Record<string, readonly ClaimValue[]>> {
  return audience ? { ...require, aud: audience } : require
}

/** A setting's name as it is written in JSON: `jwks_url` for `jwksUrl`. */
export function toJsonName(member: string): string {
  return member.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** What the settings of an issuer give up that the defaults do not, by the name of the setting in JSON. */
export function loosenings(issuer: TrustedIssuer): Readonly<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const [member, row] of Object.entries(issuerSettings) as [Name, IssuerSetting<unknown, unknown>][]) {
    const value = issuer[member]
    const says = value === undefined ? undefined : row.givesUp?.(value)
    if (says !== undefined) found[toJsonName(member)] = says
  }
  if (issuer.audience === undefined) {
    found.audience = `"aud" is not looked at: ${Object.keys(issuer.require ?? {}).join(', ')} has to tell your application from others`
  }
  return found
}

/** Why an algorithm is not accepted, and the way out, for whoever runs the gateway. */
export function describeAlgorithm(alg: unknown): string {
  if (typeof alg === 'string' && /^HS\d/.test(alg)) {
    return `${alg} is signed with a secret, and a party that can verify with it can sign with it too. Have the issuer sign with a key pair, such as ES256 or RS256, and publish the public keys`
  }
  return `not one of ${Object.keys(algorithms).join(', ')}`
}
