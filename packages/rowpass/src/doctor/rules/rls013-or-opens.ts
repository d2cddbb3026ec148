/**
 * RLS013: permissive policies are joined by OR, and one of them is always true, or forgets the tenant.
 */
import { isForCommand } from '../../access/policies.ts'
import { firstOfEachRole, showTrial } from '../analysis/claimless.ts'
import { scan } from '../analysis/expression.ts'
import { isAlwaysTrue, operands, tiedColumns } from '../analysis/logic.ts'
import type { Model, PolicyFacts } from '../analysis/model.ts'
import { ignoresTenant, isForEverybody, meet, tenantColumns } from '../analysis/tenants.ts'
import { listed, policyOn, showPolicy } from '../analysis/words.ts'
import type { Level, Rule } from '../finding.ts'

export const rls013: Rule = {
  code: 'RLS013',
  slug: 'or-opens',
  level: 'error',
  title: 'One permissive policy opens what another one narrows',
  why:
    'Permissive policies for the same role and command are joined by OR. One that is always true makes the others ' +
    'pointless, and one that asks nothing of the caller lets rows of every tenant through. What must hold in any case ' +
    'belongs into a RESTRICTIVE policy.',
  *find(model) {
    for (const policy of openers(model)) {
      const narrow = narrowed(model, policy)
      yield {
        object: policy.table.sql,
        part: policy.sql,
        says: `The ${policyOn(policy)} is always true, so ${narrow.map(({ sql }) => sql).join(', ')} narrows nothing.`,
        evidence: showPolicy(policy),
        fix: {
          person:
            `Are the rows of ${policy.table.sql} for everybody? Then ${narrow.map(({ sql }) => sql).join(', ')} narrows ` +
            `nothing for SELECT, and may be for writing only. If not, whoever reads through it loses rows after: ` +
            `drop policy ${policy.sql} on ${policy.table.sql}`,
        },
      }
    }
    for (const policy of forgetful(model)) {
      const narrow = narrowed(model, policy)
      yield {
        object: policy.table.sql,
        part: policy.sql,
        level: levelOf(model, policy),
        says: `The ${policyOn(policy)} asks nothing of the caller that keeps tenants apart, so ${narrow.map(({ sql }) => sql).join(', ')} does not either.`,
        evidence: showPolicy(policy),
        fix: { person: 'Add the tenant to the condition, unless such rows are for everybody.' },
      }
    }
    for (const { policy, asked, tenants } of looseSides(model)) {
      yield {
        object: policy.table.sql,
        part: policy.sql,
        says: `One side of an OR of the ${policyOn(policy)} asks for ${listed(asked)} alone, and not for ${listed(tenants)}.`,
        evidence: [showPolicy(policy), ...rowsWithoutClaims(model, policy)].join('; '),
        fix: {
          person:
            'AND binds before OR: put the sides into parentheses, and what must hold in any case outside of them.',
        },
      }
    }
  },
}

/** Policies that tie the tenant in one side of an OR, and forget it in another, unless its words say that it is for everybody. */
function looseSides(model: Model): { policy: PolicyFacts; asked: readonly string[]; tenants: readonly string[] }[] {
  return model.policies.flatMap((policy) => {
    const { permissive, table, usingTree } = policy
    if (!permissive || usingTree === undefined || !isForCommand(policy, 'select')) return []
    const sides = operands(usingTree.tree, 'OR_EXPR').map((tree) => ({
      ...policy,
      usingTree: { ...usingTree, tree, columns: scan(tree, table.name).columns },
    }))
    const tenants = new Set(sides.flatMap((side) => [...tenantColumns(model, side)]))
    const held = narrowing(model, policy)
    if (tenants.size === 0 || [...tenants].some((column) => held.has(column))) return []
    const loose = sides.find((side) => ignoresTenant(model, side, tenants) && !isForEverybody(side))
    return loose === undefined ? [] : [{ policy, asked: loose.usingTree.columns, tenants: [...tenants] }]
  })
}

/** What was tried without claims shows rows that only such a side can show. */
function rowsWithoutClaims({ trials }: Model, { table }: PolicyFacts): string[] {
  const seen = (trials?.byTable.get(table.oid) ?? []).filter(({ error }) => error === undefined)
  return firstOfEachRole(seen).slice(0, 1).map(showTrial)
}

/**
 * Policies that let rows of any tenant through beside one that ties a tenant, or two columns, to the caller: `shared` beside
 * `tenant_id = … and author_id = …`. Beside a tied person it is as likely meant, as with posts that are published.
 */
function forgetful(model: Model): PolicyFacts[] {
  const opening = openers(model)
  return model.policies.filter((policy) => {
    if (
      !policy.permissive ||
      !isForCommand(policy, 'select') ||
      opening.includes(policy) ||
      policy.usingTree === undefined
    )
      return false
    if (isAlwaysTrue(policy.usingTree.tree, policy.table) || narrowed(model, policy).length === 0) return false
    const tenants = tenantsBeside(model, policy)
    const held = narrowing(model, policy)
    if ([...tenants].some((column) => held.has(column))) return false
    return (tenants.size > 0 || tiesTwo(model, policy)) && ignoresTenant(model, policy, tenants)
  })
}

/** Words such as `published` say that the rows are for everybody: then it is likely meant, unless two columns are tied. */
function levelOf(model: Model, policy: PolicyFacts): Level {
  if (tenantsBeside(model, policy).size > 0 && !isForEverybody(policy)) return 'error'
  return tiesTwo(model, policy) ? 'warning' : 'info'
}

function tenantsBeside(model: Model, policy: PolicyFacts): ReadonlySet<string> {
  return new Set(narrowed(model, policy).flatMap((other) => [...tenantColumns(model, other)]))
}

function tiesTwo(model: Model, policy: PolicyFacts): boolean {
  return narrowed(model, policy).some((other) => tiedColumns(other.usingTree?.tree, other.table, model.judge).size > 1)
}

/** Columns that RESTRICTIVE policies hold for all whom the policy is for. */
function narrowing(model: Model, policy: PolicyFacts): ReadonlySet<string> {
  const roles = model.access.apiRoles.filter((role) => model.access.isAmong(role, policy.roles))
  const sets = roles.map((role) => {
    const restrictive = model.applying(policy.table, role, 'select').filter(({ permissive }) => !permissive)
    return new Set(restrictive.flatMap((each) => [...tiedColumns(each.usingTree?.tree, each.table, model.judge)]))
  })
  const [first, ...rest] = sets
  return new Set([...(first ?? [])].filter((column) => rest.every((set) => set.has(column))))
}

/** Policies that show every row beside one, for the same role, that looks at who is asking. */
export function openers(model: Model): PolicyFacts[] {
  return model.policies.filter(
    (policy) =>
      policy.permissive &&
      policy.command === 'select' &&
      policy.usingTree !== undefined &&
      isAlwaysTrue(policy.usingTree.tree, policy.table) &&
      narrowed(model, policy).length > 0,
  )
}

/** Policies for reading that ask who is asking, beside one, for a role that has both. */
export function narrowed(model: Model, policy: PolicyFacts): PolicyFacts[] {
  return model
    .policiesOf(policy.table)
    .filter(
      (other) =>
        other !== policy &&
        other.permissive &&
        isForCommand(other, 'select') &&
        meet(model, policy, other) &&
        model.judge.readsCaller(other.usingTree?.tree),
    )
}
