/**
 * Which tables there are for somebody, and statements on them: whatever the schema has, as they themselves see it.
 */

/** Asked as the person: what PostgreSQL tells a role of its own privileges. */
const catalogQuery = `
  select p.table_schema, p.table_name, p.column_name,
         bool_or(p.privilege_type = 'SELECT') as readable, bool_or(p.privilege_type = 'INSERT') as addable,
         bool_or(p.privilege_type = 'UPDATE') as editable, bool_or(k.column_name is not null) as key,
         bool_or(d.table_name is not null) as deletable
    from information_schema.column_privileges p
    join information_schema.columns c using (table_schema, table_name, column_name)
    left join information_schema.table_privileges d
      on (d.table_schema, d.table_name, d.privilege_type) = (p.table_schema, p.table_name, 'DELETE')
    left join (information_schema.table_constraints t
               join information_schema.key_column_usage k using (constraint_schema, constraint_name))
      on t.constraint_type = 'PRIMARY KEY'
     and (k.table_schema, k.table_name, k.column_name) = (p.table_schema, p.table_name, p.column_name)
   where p.table_schema not like 'rowpass%' and p.table_schema not in ('pg_catalog', 'information_schema', 'auth')
   group by 1, 2, 3, c.ordinal_position
   order by 1, 2, c.ordinal_position`

/** Rows of one table that are shown. */
const maxRows = 20

/**
 * The tables of a person; those with most columns first.
 *
 * @param run runs a statement as the person
 * @returns the answer itself where it is a refusal
 */
export async function findTables(run) {
  const answer = await run(catalogQuery)
  if (!answer.ok) return answer
  const tables = new Map()
  for (const [schema, name, column, ...facts] of answer.rows) {
    const [readable, addable, editable, key, deletable] = facts.map((fact) => fact === 't')
    const id = `${schema}.${name}`
    if (!tables.has(id)) {
      const title = schema === 'public' ? name : id
      tables.set(id, { sql: `${quote(schema)}.${quote(name)}`, name: title, deletable, columns: [] })
    }
    tables.get(id).columns.push({ name: column, readable, addable, editable, key })
  }
  const list = [...tables.values()].filter(({ columns }) => columns.some(({ readable }) => readable))
  return { ok: true, tables: list.toSorted((a, b) => b.columns.length - a.columns.length) }
}

/** The columns of a table for which something holds, by name. */
export function columnsOf({ columns }, fact) {
  return columns.filter((column) => column[fact]).map(({ name }) => name)
}

/** Rows, as many as are shown. */
export function selectRows(table) {
  const columns = columnsOf(table, 'readable').map(quote)
  const keys = columnsOf(table, 'key').map(quote)
  const order = keys.length > 0 ? ` order by ${keys.join(', ')}` : ''
  return { query: `select ${columns.join(', ')} from ${table.sql}${order} limit ${maxRows}`, params: [] }
}

/** @param values by column; what is left out gets its default */
export function insertRow(table, values) {
  const names = Object.keys(values)
  const places = names.map((_, index) => `$${index + 1}`)
  const query = `insert into ${table.sql} (${names.map(quote).join(', ')}) values (${places.join(', ')})`
  return { query, params: Object.values(values) }
}

/** @param row by column, with its key @param values by column */
export function updateRow(table, row, values) {
  const set = Object.keys(values).map((name, index) => `${quote(name)} = $${index + 1}`)
  const where = whereKey(table, row, set.length)
  const query = `update ${table.sql} set ${set.join(', ')} where ${where.text}`
  return { query, params: [...Object.values(values), ...where.params] }
}

/** @param row by column, with its key */
export function deleteRow(table, row) {
  const where = whereKey(table, row, 0)
  return { query: `delete from ${table.sql} where ${where.text}`, params: where.params }
}

function whereKey(table, row, before) {
  const keys = columnsOf(table, 'key')
  const text = keys.map((name, index) => `${quote(name)} = $${before + index + 1}`).join(' and ')
  return { text, params: keys.map((name) => row[name]) }
}

function quote(name) {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !reserved.has(name) ? name : `"${name.replaceAll('"', '""')}"`
}

const reserved = new Set([
  'user',
  'order',
  'group',
  'table',
  'select',
  'where',
  'from',
  'to',
  'check',
  'default',
  'end',
])
