/**
 * What a setting of the gateway is, and the kinds of settings that are several.
 */

/** One setting. */
export interface Setting<Value> {
  /** Text of the default; absent where a value must be given. */
  readonly default?: string
  /** Never printed. */
  readonly secret?: true
  /** What a value looks like, with its bounds and its unit. */
  readonly form: string
  readonly says: string
  /** @throws TypeError whose message goes on from the name of the setting */
  parse(text: string): Value
  /** What a value comes to, in lines; none by default. */
  explain?(value: Value): readonly string[]
}

/** The name of the environment variable: `poolSize` is `ROWPASS_POOL_SIZE`. */
export function variableOf(name: string): string {
  return `ROWPASS_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}

/** A whole number and its bounds, which are values too. */
export interface IntegerOptions {
  readonly unit?: string
  readonly default: number
  readonly min: number
  readonly max: number
  readonly says: string
}

/** A whole number. */
export function integer({ unit, default: value, min, max, says }: IntegerOptions): Setting<number> {
  return {
    default: String(value),
    form: `${min} to ${max}${unit === undefined ? '' : ` ${unit}`}`,
    says,
    parse(text) {
      const number = Number(text)
      if (!/^\d+$/.test(text) || number < min || number > max)
        throw new TypeError(`is not a whole number from ${min} to ${max}`)
      return number
    },
  }
}

/** Yes or no. */
export function flag({ default: value, says }: { readonly default: boolean; readonly says: string }): Setting<boolean> {
  return {
    default: String(value),
    form: '`true`, `false`',
    says,
    parse(text) {
      if (text !== 'true' && text !== 'false') throw new TypeError('is neither true nor false')
      return text === 'true'
    },
  }
}

/** Anything else: the declaration as it is, of which the type follows. */
export const text = <Value>(setting: Setting<Value>): Setting<Value> => setting

/** Parts between commas. */
export const list = (given: string): string[] =>
  given
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')

/** The same, where their order is nothing. */
export const set = (given: string): Set<string> => new Set(list(given))
