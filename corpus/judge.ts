/**
 * Judges what a tool said: was the fault named, as loudly as it is bad, and was anything said of a schema that is right?
 */
import type { Case, Level, Variant } from './cases.ts'

/** What a tool said of one thing. */
export interface Finding {
  /** The tool's own name of the rule. */
  readonly rule: string
  readonly level: Level
  /** Everything that says what it is about. */
  readonly text: string
}

/** What one tool made of one case. */
export interface Judgement {
  /** The finding that named the fault; undefined where it was missed, and of a sound construct. */
  readonly found: Finding | undefined
  /** Whether it was as loud as the case asks for. */
  readonly loud: boolean
  /** Rules that warned of the version without the fault, one entry a finding. */
  readonly falseAlarms: readonly string[]
  /** Rules that spoke about it with the level `info`. */
  readonly notes: readonly string[]
}

const order: readonly Level[] = ['info', 'warning', 'error']

/**
 * A fault is found when a rule that the case names for the tool's family speaks about one of its objects on the broken
 * schema, and does not say the same of the fixed one. A tool of no known family may use any rule.
 */
export function judge(
  family: string | undefined,
  each: Pick<Case, 'rules' | 'objects' | 'level'>,
  said: Readonly<Partial<Record<Variant, readonly Finding[]>>>,
): Judgement {
  const { broken = [], fixed = [] } = said
  const accepted = family === undefined ? undefined : (each.rules.get(family) ?? [])
  const isMeant = ({ rule, text }: Finding) =>
    (accepted === undefined || accepted.includes(rule)) && each.objects.some((name) => mentions(text, name))
  const texts = new Set(fixed.map(({ text }) => text))
  const [found] = broken
    .filter((finding) => isMeant(finding) && !texts.has(finding.text))
    .sort((a, b) => order.indexOf(b.level) - order.indexOf(a.level))
  return {
    found,
    loud: found !== undefined && order.indexOf(found.level) >= order.indexOf(each.level),
    falseAlarms: fixed.filter(({ level }) => level !== 'info').map(({ rule }) => rule),
    notes: fixed.filter(({ level }) => level === 'info').map(({ rule }) => rule),
  }
}

/** `public.notes` is mentioned by its last part, as a whole word. */
function mentions(text: string, object: string): boolean {
  const name = (object.split('.').at(-1) ?? object).replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`(?<!\\w)${name}(?!\\w)`).test(text)
}
