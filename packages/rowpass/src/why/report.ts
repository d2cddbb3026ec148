/**
 * Renders an explanation for a person: what happened first, then why, then what to do.
 */

import { plain, type Style } from '../access/style.ts'
import type { Explanation, PartReport, PolicyReport, RelationReport, SideReport, StepReport } from './explanation.ts'
import type { Right } from './grants.ts'
import { some } from './wording.ts'

/**
 * The report as text that ends with a line feed. Control characters of whatever came from the database or the statement
 * are shown as `\u…`, so that none of them reaches the terminal.
 *
 * @param token lines about the token that the claims came from
 * @param refusal why the gateway would refuse that token: then it would run nothing
 * @example
 * const identity = { role: 'authenticated', claims: { sub: 'ada' } }
 * console.log(renderExplanation(await explainStatement(client, { identity, sql: 'delete from notes' })))
 */
export function renderExplanation(
  explanation: Explanation,
  style: Style = plain,
  token: readonly string[] = [],
  refusal?: string,
): string {
  const { findings, notes, doubts } = explanation
  const advice = [...new Set(findings.flatMap(({ advice: each }) => each ?? []))]
  const reasons = findings.map(({ says }) => says)
  const refused = `The gateway refuses the token and runs nothing: ${refusal}.`
  const sections: [string, readonly string[]][] = [
    ['What happened', happened(explanation)],
    ['Because', refusal === undefined ? reasons : [refused, 'For its claims as they are written:', ...reasons]],
    ['Step by step', chain(explanation, token)],
    ['What to do', advice],
    ['Note', notes],
    ['This explanation is incomplete', doubts],
  ]
  const texts = sections.flatMap(([title, lines]) =>
    lines.length === 0 ? [] : [style.bold(title), ...lines.map((line) => `  ${printable(line)}`.trimEnd()), ''],
  )
  return `${[printable(explanation.sql), style.dim(printable(who(explanation))), '', ...texts].join('\n').trimEnd()}\n`
}

function who({ identity }: Explanation): string {
  return `as ${identity.role} with ${JSON.stringify(identity.claims)}`
}

function happened({ outcome, notRun, command }: Explanation): string[] {
  if (outcome === undefined) return [`It was not run: ${notRun ?? ''}.`]
  const { problem, rows = 0 } = outcome
  if (problem !== undefined) return [`ERROR ${problem.sqlstate}: ${problem.message}`]
  const done = { select: '', insert: ' inserted', update: ' updated', delete: ' deleted', merge: ' merged' }[command]
  return [`${some(rows)}${done}${command === 'select' ? '' : ', and rolled back'}.`]
}

function chain({ carrier, identity, relations }: Explanation, token: readonly string[]): string[] {
  const read = {
    sealed: 'sealed, as the gateway does',
    json: 'as JSON in one setting',
    each: 'as one setting for each claim',
  }
  const setting =
    carrier?.kind === 'json' ? ` ${carrier.setting}` : carrier?.kind === 'each' ? ` ${carrier.prefix}…` : ''
  const claims = carrier === undefined ? 'no policy or function reads any' : `${read[carrier.kind]}${setting}`
  return [
    ...token.map((line) => `token      ${line}`),
    `role       ${identity.role}`,
    `claims     ${Object.keys(identity.claims).join(', ') || 'none'}; ${claims}`,
    ...relations.flatMap(relationLines),
  ]
}

function relationLines(relation: RelationReport): string[] {
  const { name, via, actor, actions, rights, steps, rows } = relation
  const path = via.length > 0 ? `, through ${via.join(', ')} with the rights of ${actor}` : ''
  return [
    '',
    `${name}: ${actions.map((action) => action.replace('_', ' ')).join(', ')}${path}`,
    `  grants   ${rights.map(rightText).join(', ') || 'none needed'}`,
    `  RLS      ${rlsText(relation)}`,
    ...(rows === undefined ? [] : [`  rows     ${rowsText(relation)}`]),
    ...steps.flatMap((step) => stepLines(step)),
  ]
}

function rightText({ privilege, on, object, columns, held }: Right): string {
  const where = on === 'table' ? '' : ` on ${on} ${object}`
  const list = columns.length > 0 ? ` (${columns.join(', ')})` : ''
  return `${privilege}${list}${where} ${held ? 'held' : 'MISSING'}`
}

function rlsText({ rls, actor, owner, kind }: RelationReport): string {
  const because: Readonly<Record<typeof rls.because, string>> = {
    on: rls.forced ? 'on, and forced for the owner' : 'on',
    off: 'off',
    superuser: `on, but not for ${actor}: a superuser`,
    bypassrls: `on, but not for ${actor}: it has BYPASSRLS`,
    owner: `on, but not for ${actor}, which has the rights of the owner ${owner}`,
    no_table: `none: this is ${kind === 'partitioned table' ? 'no table' : `a ${kind}`}`,
  }
  return because[rls.because]
}

function rowsText({ rows, steps }: RelationReport): string {
  if (rows === undefined) return ''
  const { matching, seen, filtered, sampled } = rows
  const what = filtered ? `${matching === 1 ? 'matches' : 'match'} the conditions` : 'in the table'
  const few = sampled < matching ? `; ${sampled} of them were tried` : ''
  const hides = steps.some(({ command }) => command === 'select') && seen !== undefined
  return `${some(matching)} ${what}${hides ? `, ${seen} visible` : ''}${few}`
}

function stepLines(step: StepReport): string[] {
  const rows = {
    existing: 'rows that are there',
    new: 'the new row',
    conflicting: 'the row in the way',
    updated: 'the updated row',
    changed: 'the row to update',
    removed: 'the row to delete',
  }
  const kind = step.expression === 'check' ? 'WITH CHECK' : 'USING'
  const result = step.tested === undefined ? 'not tried' : `${step.passed ?? '?'} of ${step.tested} pass`
  const others = step.forOthers.length > 0 ? [`    (${step.forOthers.join(', ')}: for other roles)`] : []
  const none = step.policies.length === 0 ? ['    no policy: nothing passes'] : []
  return [
    `  ${step.command.toUpperCase().padEnd(8)} ${kind} on ${rows[step.row]}: ${result}; a row that fails ${step.failure === 'hides' ? 'is hidden' : 'ends the statement'}`,
    ...none,
    ...step.policies.flatMap((policy) => policyLines(policy, step.tested)),
    ...others,
  ]
}

function policyLines(policy: PolicyReport, tested: number | undefined): string[] {
  const { name, permissive, roles, expression, passed, problem, parts, closedFunctions, reads } = policy
  const result = problem ?? (tested === undefined ? 'not tried' : `true for ${passed ?? '?'} of ${tested}`)
  return [
    `    ${name} (${permissive ? 'permissive' : 'restrictive'}, to ${roles.join(', ')}): ${result}`,
    ...(parts === undefined ? [`      ${oneLine(expression)}`] : partLines(parts, tested ?? 0, 6)),
    ...closedFunctions.map((each) => `      calls ${each}, which the role may not execute`),
    ...reads.map(({ name: table, rls, readable }) => {
      const facts = [rls ? 'under its own policies' : '', readable ? '' : 'which the role may not read'].filter(Boolean)
      return `      reads ${table}${facts.length > 0 ? `, ${facts.join(', ')}` : ''}`
    }),
  ]
}

function partLines(part: PartReport, tested: number, indent: number): string[] {
  const space = ' '.repeat(indent)
  const result = part.passed === undefined ? 'cannot be tried alone' : `${part.passed} of ${tested}`
  if (part.kind !== 'leaf') {
    const word = part.kind === 'and' ? 'all of' : 'any of'
    return [`${space}${word}: ${result}`, ...(part.parts ?? []).flatMap((each) => partLines(each, tested, indent + 2))]
  }
  const { comparison } = part
  const sides =
    comparison === undefined ? [] : [comparison.left, comparison.right].flatMap((side) => sideLine(side, tested))
  return [`${space}${oneLine(part.text)}: ${result}`, ...sides.map((line) => `${space}  ${line}`)]
}

function sideLine({ text, whose, value, json }: SideReport, tested: number): string[] {
  const name = oneLine(text)
  // A constant says itself.
  if (/^'(?:[^']|'')*'(?:::[\w" ]+)?$|^-?[\d.]+$/.test(name)) return []
  const type = json === undefined ? '' : `, a JSON ${json}`
  if (value === undefined) return whose === 'row' ? [`${name} is withheld${type}: the row is hidden (--reveal)`] : []
  const where = whose === 'caller' ? 'for this caller' : tested === 1 ? 'in this row' : 'in one of these rows'
  const shown = value === null ? 'NULL' : json === undefined ? JSON.stringify(value) : `${value}${type},`
  return [`${name} is ${shown} ${where}`]
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}

/** Line feeds of a statement stay; nothing else moves the cursor, changes colours or runs the other way. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, (each) =>
    each === '\n' ? each : `\\u${each.codePointAt(0)?.toString(16).padStart(4, '0')}`,
  )
}
