/**
 * Judges what a program found: was the planted fault among it, and was anything said about a schema that is right?
 */
import type { Fault } from './corpus.ts'
import type { Finding, Tool } from './tools.ts'

/** What one program made of one fault. */
export interface Judgement {
  /** The rule that named the fault about its object; undefined when it was missed. */
  readonly foundBy: string | undefined
  /** Rules that warned of the fixed schema, one entry a finding. */
  readonly falseAlarms: readonly string[]
  /** Rules that spoke about it with the level `info`. */
  readonly notes: readonly string[]
}

/**
 * Applies the rules of the comparison, which were fixed before any program ran: a fault is found when a rule that `fault.json`
 * accepts spoke about one of its objects on the broken schema, and did not say the same on the fixed one.
 */
export function judge(
  tool: Pick<Tool, 'splinter'>,
  fault: Fault,
  findings: Readonly<Record<'broken' | 'fixed', readonly Finding[]>>,
): Judgement {
  const accepted = tool.splinter ? fault.lints : fault.rules
  const isMeant = ({ rule, text }: Finding) =>
    accepted.includes(rule) && fault.objects.some((name) => mentions(text, name))
  const said = findings.fixed.map(({ text }) => text)
  const found = findings.broken.filter(isMeant).find(({ text }) => !said.includes(text))
  const rulesOf = (notes: boolean) => findings.fixed.filter(({ note }) => note === notes).map(({ rule }) => rule)
  return { foundBy: found?.rule, falseAlarms: rulesOf(false), notes: rulesOf(true) }
}

/** `public.notes` is mentioned by its last part, as a whole word. */
function mentions(text: string, object: string): boolean {
  const name = object.split('.').at(-1) ?? object
  return new RegExp(`(?<![\\w])${name}(?![\\w])`).test(text)
}
