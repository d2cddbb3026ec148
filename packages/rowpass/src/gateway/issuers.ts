/**
 * Reads the list of trusted issuers from configuration.
 */
import {
  type IssuerSettings,
  issuerSettings,
  loosenings,
  parseIssuers as parseSettings,
  type TrustedIssuer,
  toJsonName,
} from '../token/issuer-settings.ts'
import { expandPreset } from '../token/presets/presets.ts'

const memberOf = new Map(Object.keys(issuerSettings).map((member) => [toJsonName(member), member]))

/**
 * Parses a JSON array of issuers; their members are those of `issuerSettings`, written with underscores, or `provider` with the
 * parameters of a preset.
 *
 * Does NOT check whether keys may be fetched from private addresses: the verifier does.
 *
 * @throws TypeError that lists every problem
 */
export function parseIssuers(text: string): readonly TrustedIssuer[] {
  const given = parseJson(text)
  if (!Array.isArray(given) || given.length === 0) throw new TypeError('is not a JSON array of issuers')
  const problems: string[] = []
  const settings = given.flatMap((entry, index) => {
    try {
      return toEntries(entry).flatMap((each) => parseSettings([toSettings(each)], { allowPrivateNetwork: true }))
    } catch (error) {
      problems.push(`${index + 1}: ${describe(error)}`)
      return []
    }
  })
  if (problems.length > 0) throw new TypeError(`is wrong: ${problems.join('; ')}`)
  try {
    return parseSettings(settings, { allowPrivateNetwork: true })
  } catch (error) {
    throw new TypeError(`is wrong: ${describe(error)}`)
  }
}

/** The library's names in a message, as they are written in JSON. */
function describe(error: unknown): string {
  if (!(error instanceof TypeError)) return 'cannot be read'
  return [...memberOf].reduce(
    (text, [name, member]) => text.replaceAll(new RegExp(`\\b${member}\\b`, 'g'), name),
    error.message,
  )
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new TypeError('is not JSON')
  }
}

/** A preset may be several entries; what is given beside it may make them one. */
function toEntries(entry: unknown): readonly Record<string, unknown>[] {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) throw new TypeError('is not an object')
  if (!Object.hasOwn(entry, 'provider')) return [{ ...entry }]
  const texts = expandPreset({ ...entry }).map((each) => JSON.stringify(each))
  return [...new Set(texts)].map((text) => JSON.parse(text))
}

function toSettings(entry: Record<string, unknown>): IssuerSettings {
  const members = Object.entries(entry).map(([name, value]) => {
    const member = memberOf.get(name)
    if (member === undefined) throw new TypeError(`${name} is not a setting`)
    return [member, value]
  })
  return Object.fromEntries(members) as IssuerSettings
}

/** Every setting of each issuer as it is in force, and what it gives up. */
export function explainIssuers(issuers: readonly TrustedIssuer[]): readonly string[] {
  return issuers.flatMap((issuer) => [
    `issuer ${issuer.iss}: ${JSON.stringify(toJson(issuer))}`,
    ...Object.entries(loosenings(issuer)).map(
      ([setting, says]) => `issuer ${issuer.iss} gives up, by ${setting}: ${says}`,
    ),
  ])
}

/** An issuer as it is written in `ROWPASS_ISSUERS`. */
export function toJson(issuer: IssuerSettings): Record<string, unknown> {
  return Object.fromEntries(Object.entries(issuer).map(([member, value]) => [toJsonName(member), value]))
}
