/** Every preset, and what one comes to. */
import { clouds } from './clouds.ts'
import type { Preset } from './preset.ts'
import { servers } from './servers.ts'
import { services } from './services.ts'

/** Every preset, by what `provider` says. */
export const presets: Readonly<Record<string, Preset>> = { ...services, ...clouds, ...servers }

/**
 * Expands a preset into plain settings, as they are written in `ROWPASS_ISSUERS`.
 *
 * What else is in the entry takes the place of what the preset says; `require` takes that of `"audience": false`.
 *
 * @param given an entry with `provider`, its parameters, and perhaps settings
 * @throws TypeError for a provider that is not known, or a parameter that is missing
 */
export function expandPreset(given: Readonly<Record<string, unknown>>): readonly Record<string, unknown>[] {
  const { provider } = given
  const preset = typeof provider === 'string' && Object.hasOwn(presets, provider) ? presets[provider] : undefined
  if (preset === undefined) throw new TypeError(`provider is not one of ${Object.keys(presets).join(', ')}`)
  const values: Record<string, unknown> = {}
  for (const parameter of Object.keys(preset.parameters)) {
    const value = given[parameter]
    const isList = Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string')
    if (!isList && (typeof value !== 'string' || value === '')) {
      throw new TypeError(`${provider} needs ${parameter}, such as ${JSON.stringify(preset.parameters[parameter])}`)
    }
    if (parameter === 'domain' && !/^[a-z\d.-]+(:\d+)?$/i.test(String(value))) {
      const example = preset.parameters[parameter]
      throw new TypeError(
        `${provider}: domain is a host name without https:// and path, such as ${JSON.stringify(example)}`,
      )
    }
    values[parameter] = value
  }
  const rest = Object.fromEntries(
    Object.entries(given).filter(([name]) => name !== 'provider' && !Object.hasOwn(values, name)),
  )
  return preset.entries.map((entry) => {
    const { audience, ...settings } = fillIn(entry, values) as { audience?: unknown }
    const keepsAudience = audience !== undefined && !(audience === false && rest.require !== undefined)
    return { ...settings, ...(keepsAudience && { audience }), ...rest }
  })
}

/** Puts values in the place of `{name}`: a whole text becomes what is given, which may be a list. */
export function fillIn(template: unknown, values: Readonly<Record<string, unknown>>): unknown {
  if (typeof template === 'string') {
    const [, whole] = /^\{(\w+)\}$/.exec(template) ?? []
    if (whole !== undefined && Object.hasOwn(values, whole)) return values[whole]
    return template.replaceAll(/\{(\w+)\}/g, (text, name: string) =>
      Object.hasOwn(values, name) ? String(values[name]) : text,
    )
  }
  if (Array.isArray(template)) return template.map((item) => fillIn(item, values))
  if (typeof template !== 'object' || template === null) return template
  return Object.fromEntries(Object.entries(template).map(([name, value]) => [name, fillIn(value, values)]))
}
