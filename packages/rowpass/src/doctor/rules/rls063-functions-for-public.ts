/**
 * RLS063: functions of the future can be called by everybody.
 */
import { everyone } from '../../access/access.ts'
import { listed } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls063: Rule = {
  code: 'RLS063',
  slug: 'functions-for-public',
  level: 'info',
  title: 'New functions of an owner of tables can be called by PUBLIC',
  why:
    'That is how PostgreSQL begins. A SECURITY DEFINER function is open to every request until somebody remembers to take ' +
    'EXECUTE away.',
  *find({ catalog, tables }) {
    const owners = new Set(tables.filter(({ rls }) => rls).map(({ owner }) => owner))
    const names = [...owners].flatMap((owner) => {
      const entry = catalog.defaultPrivileges.find(
        (each) => each.owner === owner && each.objects === 'functions' && each.schema === undefined,
      )
      if (entry !== undefined && !entry.grants.some(({ grantee }) => grantee === everyone)) return []
      return catalog.roles.get(owner)?.sql ?? []
    })
    if (names.length === 0) return
    yield {
      object: 'database',
      says: `Each new function of ${listed(names)} can be called by everybody.`,
      evidence: `pg_default_acl has no entry that takes EXECUTE from PUBLIC for ${listed(names)}`,
      fix: {
        person:
          'Take EXECUTE from each function that is not for everybody. "alter default privileges for role … revoke execute on ' +
          'functions from public" does it for all that the role makes from then on: every other login then needs a grant ' +
          'for each, and where the role is a superuser, extensions and range types work for nobody else.',
      },
    }
  },
}
