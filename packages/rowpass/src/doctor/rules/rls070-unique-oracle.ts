/**
 * RLS070: a unique key that spans the rows of everybody.
 */

import type { Column, Index, Relation, Role } from '../../access/catalog/catalog.ts'
import { fieldsOf, namesOf, walk } from '../../access/tree.ts'
import type { Model } from '../analysis/model.ts'
import { listed } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls070: Rule = {
  code: 'RLS070',
  slug: 'unique-oracle',
  level: 'warning',
  title: 'A unique key tells whether somebody else has the value',
  why:
    'Unique keys are checked past policies: an insert or update that fails with 23505 shows that a hidden row has the ' +
    'value, such as an e-mail address. An exclusion constraint (23P01) shows that one overlaps, and by halving where. Put the tenant or owner into the key, or take the column out of the grants. Names ' +
    'that must be unique for all are a reason to accept it.',
  *find(model) {
    for (const index of model.catalog.indexes) {
      const table = model.catalog.relations.get(index.relation)
      if (!(index.unique || index.exclusion) || table === undefined || !table.rls || table.extension) continue
      const columns = columnsOf(model, index, table)
      const roles = model.access.exposedTo(table).filter((role) => isOracle(model, table, columns, role))
      if (roles.length === 0) continue
      const guessable = columns.filter(({ type }) => !isUnguessable(type))
      yield {
        object: table.sql,
        part: index.sql,
        says: `${index.sql} tells ${listed(roles.map(({ sql }) => sql))} whether a hidden row has a ${listed(guessable.map(({ sql }) => sql))}.`,
        evidence: index.definition,
        level: guessable.every(({ type }) => isNumber(type)) ? 'info' : 'warning',
        fix: { person: 'Whether the value must be unique for all, or within a tenant, is for a person to say.' },
      }
    }
  },
}

function columnsOf(model: Model, { key, definition }: Index, table: Relation): Column[] {
  const inExpressions = key.includes(0)
    ? [...walk(model.query(definition))].flatMap(([type, node]) =>
        type === 'ColumnRef' ? namesOf(fieldsOf({ ColumnRef: node }, 'ColumnRef')?.fields).slice(-1) : [],
      )
    : []
  return table.columns.filter(({ number, name }) => key.includes(number) || inExpressions.includes(name))
}

/** The role chooses the value, can guess it, and does not see all rows that have it. */
function isOracle(model: Model, table: Relation, columns: readonly Column[], role: Role): boolean {
  const tied = model.tied(table, role)
  if (tied.size === 0 || columns.some((column) => tied.has(column.name) || isRandom(column))) return false
  const writes = (['insert', 'update'] as const).filter((command) =>
    model.applying(table, role, command).some(({ permissive }) => permissive),
  )
  return columns.some(
    ({ name, type, identity }) =>
      !isUnguessable(type) &&
      identity !== 'always' &&
      writes.some((command) => model.access.canColumn(role, command, table, name)),
  )
}

/** Who cannot guess one part of a key cannot ask for the whole of it. */
const isRandom = ({ type, expression }: Column): boolean =>
  type === 'uuid' && /\b(gen_random_uuid|uuidv[47]|uuid_generate_v[14]\w*)\(/.test(expression ?? '')
const isUnguessable = (type: string): boolean => type === 'uuid'
const isNumber = (type: string): boolean => /^(smallint|integer|bigint|numeric)/.test(type)
