/**
 * `rowpass/policies`: row-level security for Drizzle tables, with the indexes and grants that it needs.
 */

export type { ClaimColumnType, ColumnOfType } from '../policies/columns.ts'
export { type ForceAndGrantsOptions, forceAndGrants } from '../policies/force-and-grants.ts'
export { type Insertable, insertable } from '../policies/insertable.ts'
export {
  type Change,
  type ColumnGrants,
  type PolicyCommand,
  type PolicyOptions,
  policies,
} from '../policies/policies.ts'
export { anonymous, authenticated, issuer } from '../policies/roles.ts'
export { both, either, everyRow, type RowRule, type RuleOptions, rule } from '../policies/rule.ts'
export {
  type ClaimOptions,
  hasRole,
  inTenant,
  isTrue,
  type Membership,
  memberOf,
  ownedBy,
  tenantAdmin,
} from '../policies/rules.ts'
export { type ProtectedColumns, protectedTable } from '../policies/table.ts'
export {
  claimBool,
  claimInt,
  claimText,
  claimTexts,
  claimUuid,
  claimUuids,
} from '../policies/typed-claims.ts'
