/**
 * RLS072: a referential action that does what policies forbid.
 */

import type { Command, ForeignKey, Relation, Role } from '../../access/catalog/catalog.ts'
import { tiedColumns } from '../analysis/logic.ts'
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
    'also those that a policy keeps from them. ON DELETE RESTRICT refuses instead. Where the key carries the column by ' +
    'which both tables belong to the caller, it stays within what is theirs, and is a note.',
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
      const within = roles.map((role) => carried(model, key, role))
      const isWithin = within.every(({ length }) => length > 0)
      yield {
        object: child.sql,
        part: key.sql,
        ...(isWithin && { level: 'info' as const }),
        says: `${listed(roles.map(({ sql }) => sql))} may not ${command} each row of ${child.sql}, and does so by deleting from ${parent.sql}${isWithin ? `, within the same ${listed([...new Set(within.flat())])}` : ''}.`,
        evidence: `${key.sql} on ${child.sql} references ${parent.sql} on delete ${key.onDelete}`,
        fix: { person: 'What shall become of the rows is for a person to say: ON DELETE RESTRICT keeps them.' },
      }
    }
  },
}

/** Columns of the key by which both tables belong to the caller: the action stays among rows of the same owner or tenant. */
function carried(model: Model, { relation, columns, target, targetColumns }: ForeignKey, role: Role): string[] {
  const [child, parent] = [model.catalog.relations.get(relation), model.catalog.relations.get(target)]
  if (child === undefined || parent === undefined) return []
  const deleting = model.applying(parent, role, 'delete').filter(({ permissive }) => permissive)
  const ties = deleting.map((each) => tiedColumns(each.usingTree?.tree, parent, model.judge))
  return columns.flatMap((number, at) => {
    const own = child.columns.find((column) => column.number === number)
    const theirs = parent.columns.find((column) => column.number === targetColumns[at])
    const isTied = theirs !== undefined && ties.every((tied) => tied.has(theirs.name))
    return own !== undefined && isTied && model.tied(child, role).has(own.name) ? [own.sql] : []
  })
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
