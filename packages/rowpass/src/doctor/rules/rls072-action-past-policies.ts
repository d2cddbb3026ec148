/**
 * RLS072: a referential action that does what policies forbid.
 */

import type { Command, Relation, Role } from '../../access/catalog/catalog.ts'
import type { Model } from '../analysis/model.ts'
import { listed } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls072: Rule = {
  code: 'RLS072',
  slug: 'action-past-policies',
  level: 'warning',
  title: 'Deleting a row deletes or changes rows that policies protect',
  why:
    'ON DELETE CASCADE and SET NULL work past policies and grants: whoever may delete the row above removes those below, ' +
    'also those that a policy keeps from them. ON DELETE RESTRICT refuses instead.',
  *find(model) {
    for (const key of model.catalog.foreignKeys) {
      if (key.inherited) continue
      const child = model.catalog.relations.get(key.relation)
      const parent = model.catalog.relations.get(key.target)
      if (child === undefined || parent === undefined || !child.rls || child.extension) continue
      const deletes = key.onDelete === 'cascade'
      if (!deletes && key.onDelete !== 'set null' && key.onDelete !== 'set default') continue
      const command = deletes ? 'delete' : 'update'
      const roles = model.access.apiRoles.filter(
        (role) => may(model, parent, role, 'delete') && !mayFreely(model, child, role, command),
      )
      if (roles.length === 0) continue
      yield {
        object: child.sql,
        part: key.sql,
        says: `${listed(roles.map(({ sql }) => sql))} may not ${command} each row of ${child.sql}, and does so by deleting from ${parent.sql}.`,
        evidence: `${key.sql} on ${child.sql} references ${parent.sql} on delete ${key.onDelete}`,
        fix: { person: 'What shall become of the rows is for a person to say: ON DELETE RESTRICT keeps them.' },
      }
    }
  },
}

function may({ access, applying }: Model, table: Relation, role: Role, command: Command): boolean {
  if (!access.can(role, command, table)) return false
  return (
    !table.rls || access.bypasses(role.oid, table) || applying(table, role, command).some((each) => each.permissive)
  )
}

function mayFreely(model: Model, table: Relation, role: Role, command: Command): boolean {
  return may(model, table, role, command) && model.applying(table, role, command).every((each) => each.permissive)
}
