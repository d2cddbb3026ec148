/**
 * RLS027: what a policy believes is read from where its caller can make a table.
 */
import type { Role, Routine } from '../../access/catalog/catalog.ts'
import { type Model, type PolicyFacts, reachedBy } from '../analysis/model.ts'
import type { Found, Level, Rule } from '../finding.ts'
import { definers, pathOf } from './rls050-unpinned-search-path.ts'
import { mayMakeTemporary } from './rls051-temporary-tables-first.ts'

export const rls027: Rule = {
  code: 'RLS027',
  slug: 'callers-own-table',
  level: 'error',
  title: 'A policy believes a table that the caller can make',
  why:
    'Tables in pg_temp are made by whoever has the session, and so is one that is not there and gets looked for. A name without ' +
    'a schema, in a function without a search_path of its own that ends with pg_temp, means a temporary table first: whoever ' +
    'can run a statement of their own writes down who they are, or what they may. That needs such a statement, so it is a ' +
    'warning. Qualify the names, or use BEGIN ATOMIC, where names are looked up once.',
  *find(model) {
    const reported = new Set<Routine>()
    for (const policy of model.policies) {
      const roles = model.access.exposedTo(policy.table).filter((role) => model.access.isAmong(role, policy.roles))
      for (const routine of routinesOf(model, policy)) {
        const found = reported.has(routine) ? undefined : judge(model, routine, roles)
        if (found === undefined) continue
        reported.add(routine)
        yield { ...found, says: `${found.says} The policy ${policy.sql} on ${policy.table.sql} asks it.` }
      }
    }
    for (const [definer, roles] of definers(model)) {
      for (const routine of model.callers.reached(definer).routines) {
        const found = reported.has(routine) ? undefined : judge(model, routine, roles)
        // What a definer function finds by its search_path is said by RLS050 and RLS051.
        if (found === undefined || found.isByPath) continue
        reported.add(routine)
        yield { ...found, says: `${found.says} It works for ${definer.sql}.` }
      }
    }
  },
}

function routinesOf(model: Model, { usingTree, checkTree }: PolicyFacts): readonly Routine[] {
  return [usingTree, checkTree].flatMap((each) => [...reachedBy(model, each?.tree).routines])
}

function judge(model: Model, routine: Routine, roles: readonly Role[]): (Found & { isByPath: boolean }) | undefined {
  const { tables, calls, statements } = model.callers.body(routine)
  if (routine.extension !== undefined || statements.some((each) => /^CreateS|^CreateTableAs/.test(each)))
    return undefined
  const canMake = roles.some((role) => mayMakeTemporary(model, role))
  const say = (name: string, says: string, level: Level, isByPath: boolean) => ({
    object: routine.sql,
    part: name,
    says,
    evidence: `the body of ${routine.sql} names ${name}`,
    level,
    fix: { person: 'Read it from a table of a schema where nobody else creates anything, by its whole name.' },
    isByPath,
  })
  const inTemp = [...tables, ...calls].find(({ schema }) => schema !== undefined && /^pg_temp(_|$)/.test(schema))
  if (inTemp !== undefined) {
    const name = `pg_temp.${inTemp.name}`
    return say(name, `${routine.sql} reads ${name}, which is the caller’s.`, canMake ? 'error' : 'warning', false)
  }
  const looked = routine.resolved ? [] : tables.filter(({ schema, name }) => schema === undefined && !/^pg_/.test(name))
  const missing = looked.find((each) => model.relationNamed(each) === undefined)
  // In a trigger it may be a transition table.
  if (missing !== undefined && routine.returns !== 'trigger' && model.callers.body(routine).known) {
    const says = `${routine.sql} reads ${missing.name}, which is not there: whoever makes such a table says what is in it.`
    return say(missing.name, says, canMake ? 'error' : 'warning', false)
  }
  const [first] = looked
  const isPinned = pathOf(routine)?.at(-1) === 'pg_temp'
  if (first === undefined || isPinned || !canMake || routine.securityDefiner) return undefined
  return say(
    first.name,
    `${routine.sql} looks ${first.name} up where a temporary table of the caller comes first.`,
    'warning',
    true,
  )
}
