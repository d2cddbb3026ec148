/**
 * RLS004: the owner of a table logs in, and policies do not hold for it.
 */
import type { Relation, Role } from '../../access/catalog/catalog.ts'
import type { Model } from '../analysis/model.ts'
import { narrowedCommands, usersAs } from '../analysis/reliance.ts'
import { listed } from '../analysis/words.ts'
import type { Fix, Rule } from '../finding.ts'
import { ranScripts } from './rls007-only-owner-logs-in.ts'

export const rls004: Rule = {
  code: 'RLS004',
  slug: 'force-missing',
  level: 'warning',
  title: 'Policies do not hold for the owner of a table, who can log in',
  why:
    'An application that connects as the owner sees every row, and so do views and SECURITY DEFINER functions of the ' +
    'owner. FORCE ROW LEVEL SECURITY makes policies hold for the owner too. Superusers and BYPASSRLS roles stay exempt.',
  *find(model) {
    const { tables, catalog, access } = model
    for (const table of tables) {
      const owner = catalog.roles.get(table.owner)
      if (!table.rls || table.force || owner === undefined || access.exposedTo(table).length === 0) continue
      if (!owner.login || owner.superuser || owner.bypassRls || ranScripts(catalog, owner)) continue
      yield {
        object: table.sql,
        says: `The login ${owner.sql} owns ${table.sql}, and its policies do not hold for it.`,
        evidence: `pg_class.relforcerowsecurity of ${table.sql} is false; pg_roles.rolcanlogin of ${owner.sql} is true`,
        fix: forceOf(model, table, owner),
      }
    }
  },
}

const maxNamed = 5

/** What the owner does now is nobody's fault where the application, or a function of it, relies on it. */
function forceOf(model: Model, table: Relation, owner: Role): Fix {
  const force = `alter table ${table.sql} force row level security`
  const lost = narrowedCommands(model, owner, table)
  if (lost.length === 0) return { sql: [force] }
  const users = usersAs(model, owner, table)
  const named = [...users.slice(0, maxNamed), ...(users.length > maxNamed ? [`${users.length - maxNamed} more`] : [])]
  return {
    person:
      `Is ${owner.sql} the login of an application, of migrations or of jobs? After FORCE its policies decide what it may ` +
      `${listed(lost)}${named.length === 0 ? '' : `, and so what ${listed(named)} may`}: with no policy for it, nothing. ` +
      `Where requests are to run as another role, move them first; then: ${force}`,
  }
}
