/** Which preset an issuer is one of, and what of its parameters can be read from what is known. */
import type { Preset } from './preset.ts'
import { fillIn, presets } from './presets.ts'

/** What is known of an issuer. */
export interface KnownIssuer {
  readonly iss: string
  readonly jwksUrl: string
  /** Of a token of it, where there is one. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined
}

/** A preset that fits, as it is to be written; parameters that nothing told are left out. */
export interface PresetMatch {
  readonly preset: Preset
  readonly entry: Readonly<Record<string, unknown>>
  readonly missing: readonly string[]
}

/** The presets whose `iss` and `jwks_url` are those of the issuer; those that name its host come first, then those that give up least. */
export function matchPresets(known: KnownIssuer): readonly PresetMatch[] {
  const matches = Object.entries(presets).flatMap(([provider, preset]) => {
    const found = preset.entries.map((entry) => parametersOf(entry, known)).find((values) => values !== undefined)
    if (found === undefined) return []
    const values = { ...fromClaims(preset.token.claims, known.claims), ...found }
    const missing = Object.keys(preset.parameters).filter((name) => !Object.hasOwn(values, name))
    return [
      {
        preset,
        missing,
        entry: { provider, ...values },
        general: /^(https:\/\/)?\{\w+\}$/.test(String(preset.entries[0]?.iss)),
        loosened: countLoosened(preset.entries[0] ?? {}),
      },
    ]
  })
  return matches.sort((a, b) => Number(a.general) - Number(b.general) || a.loosened - b.loosened)
}

/** In how many ways a token is believed for less; of two presets that fit, the stricter one is to be proposed. */
function countLoosened({ audience, require, typ }: Readonly<Record<string, unknown>>): number {
  const typs = Array.isArray(typ) ? typ : []
  return [audience === false, require !== undefined, typs.some((each) => each !== 'at+jwt')].filter(Boolean).length
}

function parametersOf(
  entry: Readonly<Record<string, unknown>>,
  { iss, jwksUrl }: KnownIssuer,
): Record<string, string> | undefined {
  const values = { ...unify(String(entry.iss), iss), ...unify(String(entry.jwks_url), jwksUrl) }
  return fillIn(entry.iss, values) === iss && fillIn(entry.jwks_url, values) === jwksUrl ? values : undefined
}

/** What stands in a text where its template has `{name}`. */
function unify(template: string, text: string): Record<string, string> {
  const pattern = template
    .split(/(\{\w+\})/)
    .map((part) =>
      /^\{\w+\}$/.test(part)
        ? `(?<${part.slice(1, -1)}>${part === '{url}' ? '.+' : '[^/]+'})`
        : part.replaceAll(/[.*+?^$()|[\]\\]/g, '\\$&'),
    )
    .join('')
  const seen = new Set<string>()
  // A name may occur twice in a template, and only once in a pattern.
  const unique = pattern.replaceAll(/\(\?<(\w+)>/g, (group, name: string) =>
    seen.size < seen.add(name).size ? group : '(?:',
  )
  return { ...new RegExp(`^${unique}$`).exec(text)?.groups }
}

function fromClaims(
  template: Readonly<Record<string, unknown>>,
  claims: Readonly<Record<string, unknown>> = {},
): Record<string, string> {
  const values: Record<string, string> = {}
  const isParameter = (value: unknown) => /^\{\w+\}$/.test(String(value))
  for (const [name, value] of Object.entries(template)) {
    const at = Array.isArray(value) ? value.findIndex(isParameter) : 0
    const [wanted, claimed] = [value, claims[name]].map((each) => (Array.isArray(each) ? each[at] : each))
    if (isParameter(wanted) && typeof claimed === 'string') values[String(wanted).slice(1, -1)] = claimed
  }
  return values
}
