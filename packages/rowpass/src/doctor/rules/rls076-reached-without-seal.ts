/**
 * RLS076: in a database with sealed identities, rows that need no seal.
 */

import { settingOf } from '../../access/bodies.ts'
import type { Command, Relation, Role, Routine } from '../../access/catalog/catalog.ts'
import { policiesFor } from '../../access/policies.ts'
import { isService } from '../../access/roles.ts'
import { fieldsOf, listOf, namesOf, qualifiedName } from '../../access/tree.ts'
import { type ClaimLogic, evaluate, isClosed, operands } from '../analysis/logic.ts'
import { type Model, type PolicyFacts, reachedBy, writeExpression } from '../analysis/model.ts'
import { listed, policyOn, showPolicy } from '../analysis/words.ts'
import type { Found, Rule } from '../finding.ts'

export const rls076: Rule = {
  code: 'RLS076',
  slug: 'reached-without-seal',
  level: 'error',
  title: 'Rows can be reached without a seal',
  why:
    'Rowpass is installed, so that identities are sealed. SQL that gets into a request can still write every other setting, and ' +
    'become whatever its login can become. Policies for roles of requests ask auth.* or rowpass.session(), and the login of an ' +
    'application is a member of those roles and of no others. A login that no request uses, such as that of a job, is a note.',
  *find(model) {
    const seal = model.routineNamed('rowpass.claims')
    if (seal === undefined) return
    const scene = lookAround(model, seal)
    yield* believers(scene)
    yield* logins(scene)
  },
}

interface Scene {
  readonly model: Model
  /** The rows of a policy that need no seal are judged by it. */
  readonly judge: ClaimLogic
  /** Roles that may ask for sealed claims. */
  readonly sealed: readonly Role[]
  /** Logins that serve no migrations; of those of platforms, such as that of our issuer, only what requests can use. */
  readonly logins: readonly Role[]
  /** Those of them that can become a sealed role. */
  readonly sealing: readonly Role[]
  /** Tables whose rows need a seal by some policy for reading. */
  readonly tables: readonly Relation[]
}

function lookAround(model: Model, seal: Routine): Scene {
  const { catalog, access } = model
  const roles = [...catalog.roles.values()].filter(({ superuser }) => !superuser)
  const sealed = roles.filter(
    ({ oid }) => oid !== seal.owner && seal.grants.some((each) => each.grantee === oid && each.privilege === 'EXECUTE'),
  )
  const owners = new Set(model.tables.map(({ owner }) => owner))
  const logins = roles.filter(({ login, createRole, oid }) => login && !createRole && !owners.has(oid))
  const sealing = logins.filter(({ oid, becomes }) =>
    sealed.some((role) => role.oid === oid || becomes.includes(role.oid)),
  )
  const asksForSeal = (policy: PolicyFacts): boolean =>
    policy.permissive && reachedBy(model, policy.usingTree?.tree).routines.has(seal)
  return {
    model,
    judge: withoutSeal(model),
    sealed,
    logins: logins.filter((login) => sealing.includes(login) || !isService(login)),
    sealing,
    tables: model.tables.filter(
      (table) =>
        table.rls &&
        sealed.some((role) => policiesFor(model.policiesOf(table), access, role, 'select').some(asksForSeal)),
    ),
  }
}

/** Sealed claims are NULL, and any other setting is whatever somebody wants. */
function withoutSeal(model: Model): ClaimLogic {
  const { judge, callers } = model
  return {
    ...judge,
    withoutClaims(tree) {
      const call = fieldsOf(tree, 'FuncCall')
      if (call === undefined) return judge.withoutClaims(tree)
      const name = qualifiedName(namesOf(call.funcname))
      const setting = settingOf(name, call.args)
      if (setting !== undefined) return setting.startsWith('rowpass.') ? 'null' : 'any'
      const known = judge.withoutClaims(tree)
      const found = callers.resolve({ ...name, argumentCount: listOf(call.args).length })
      return known !== undefined && found.some((each) => foreign(callers.reached(each).settings).length > 0)
        ? 'any'
        : known
    },
  }
}

const foreign = (settings: ReadonlySet<string>): string[] =>
  [...settings].filter((name) => !name.startsWith('rowpass.')).sort()

/** Policies for whoever a request can become, that believe a setting which no seal covers. */
function* believers({ model, judge, sealed, sealing }: Scene): Generator<Found> {
  const { access } = model
  const reached = new Set([...sealed, ...sealing, ...sealing.flatMap((each) => become(model, each))])
  for (const policy of model.policies) {
    const { table, command, permissive } = policy
    if (!permissive || !table.rls) continue
    const believed = new Set(expressionsOf(policy).flatMap((tree) => believedBy(model, judge, tree)))
    if (believed.size === 0) continue
    const commands: readonly Command[] = command === 'all' ? ['select', 'insert', 'update', 'delete'] : [command]
    const isOpenTo = (role: Role): boolean =>
      access.isAmong(role, policy.roles) &&
      commands.some((each) => access.can(role, each, table) && !isNarrowed(model, judge, table, role, each))
    const role = [...reached].find(isOpenTo)
    if (role === undefined) continue
    const settings = listed([...believed])
    yield {
      object: table.sql,
      part: policy.sql,
      says: `The ${policyOn(policy)} believes ${settings}, and no seal.`,
      evidence: `select set_config('${[...believed][0]}', '…', true), as ${role.sql}; ${showPolicy(policy)}`,
      fix: {
        person:
          `Which sealed claim says the same? Ask for it in the place of ${settings}: auth.user_id(), auth.claim_uuid('…'), or ` +
          `rowpass.session() where the schema auth is somebody else's. Requests that still come without a seal get no rows then.`,
      },
    }
  }
}

function expressionsOf(policy: PolicyFacts): unknown[] {
  const read = policy.command === 'insert' ? [] : [policy.usingTree?.tree]
  return policy.command === 'insert' || policy.command === 'all' ? [...read, writeExpression(policy)?.tree] : read
}

/** Settings in those branches of a condition that can be true without a seal. */
function believedBy(model: Model, judge: ClaimLogic, tree: unknown): string[] {
  return operands(tree, 'OR_EXPR').flatMap((branch) =>
    isClosed(evaluate(branch, judge)) ? [] : foreign(reachedBy(model, branch).settings),
  )
}

/** Whether a restrictive policy wants the seal in any case. */
function isNarrowed(model: Model, judge: ClaimLogic, table: Relation, role: Role, command: Command): boolean {
  return model
    .applying(table, role, command)
    .some(
      (each) =>
        !each.permissive &&
        isClosed(evaluate((command === 'insert' ? writeExpression(each) : each.usingTree)?.tree, judge)),
    )
}

function become({ catalog }: Model, { becomes }: Role): Role[] {
  return becomes.flatMap((oid) => catalog.roles.get(oid) ?? []).filter(({ superuser }) => !superuser)
}

/** Logins that read sealed tables as somebody else than a sealed role. Owners in reach are RLS006's, BYPASSRLS with grants RLS005's. */
function* logins(scene: Scene): Generator<Found> {
  const { model, sealing, sealed } = scene
  for (const login of scene.logins) {
    for (const role of [login, ...become(model, login)]) {
      if (sealed.includes(role)) continue
      const open = scene.tables.flatMap((table) => {
        const reason = reasonOf(scene, role, table)
        return reason === undefined ? [] : [{ table, reason }]
      })
      const [first, ...others] = open
      if (first === undefined) continue
      const what = `${first.table.sql}${others.length === 0 ? '' : ` and ${others.length} other sealed ${others.length === 1 ? 'table' : 'tables'}`}`
      const isOwn = role === login
      yield {
        object: login.sql,
        ...(!isOwn && { part: role.sql }),
        level: sealing.includes(login) ? 'warning' : 'info',
        says: `The login ${login.sql} can ${isOwn ? '' : `become ${role.sql} and `}read ${what} without a seal.`,
        evidence: first.reason,
        fix: {
          person: isOwn
            ? `Do requests log in as ${login.sql}? Then take its own rights to ${what}; what needs them gets another login.`
            : `Do requests log in as ${login.sql}? Then: revoke ${role.sql} from ${login.sql}. What works as ${role.sql} gets ` +
              'another login.',
        },
      }
    }
  }
}

/** By what a role that is no sealed one reads a sealed table; undefined where it does not. */
function reasonOf({ model, judge, sealed }: Scene, role: Role, table: Relation): string | undefined {
  const { access } = model
  if (!access.can(role, 'select', table)) return undefined
  if (role.bypassRls) {
    const isSaid = !role.login || table.grants.some(({ grantee }) => grantee === role.oid)
    return isSaid ? undefined : `pg_roles.rolbypassrls of ${role.sql} is true`
  }
  if (access.bypasses(role.oid, table) || isNarrowed(model, judge, table, role, 'select')) return undefined
  // What a sealed role may see as well is no gain, and what a setting opens is said of the policy.
  const policy = model
    .applying(table, role, 'select')
    .find(
      ({ permissive, roles, usingTree }) =>
        permissive &&
        !sealed.some((each) => access.isAmong(each, roles)) &&
        !isClosed(evaluate(usingTree?.tree, judge)) &&
        believedBy(model, judge, usingTree?.tree).length === 0,
    )
  return policy && showPolicy(policy)
}
