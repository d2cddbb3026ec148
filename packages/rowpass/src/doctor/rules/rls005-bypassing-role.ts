/**
 * RLS005: a role that no policy holds for, among those that use protected tables.
 */
import type { Rule } from '../finding.ts'

export const rls005: Rule = {
  code: 'RLS005',
  slug: 'bypassing-role',
  level: 'error',
  title: 'A role that uses protected tables is past all policies',
  why:
    'BYPASSRLS and SUPERUSER switch row-level security off for whatever the role does. An application that connects ' +
    'with such a role, or can become it, has no policies. Keep such roles for administration, without grants to name them.',
  *find({ catalog, tables, policies }) {
    const guarded = tables.filter(({ rls }) => rls)
    const owners = new Set(guarded.map(({ owner }) => owner))
    const reachable = new Set(
      [...catalog.roles.values()]
        .filter(({ login, superuser, bypassRls }) => login && !superuser && !bypassRls)
        .flatMap(({ becomes }) => becomes),
    )
    for (const role of catalog.roles.values()) {
      const { oid, sql, superuser, bypassRls, login, name } = role
      if (!(superuser || bypassRls) || name.startsWith('pg_') || owners.has(oid) || oid === catalog.database.reader)
        continue
      if (!login && !reachable.has(oid)) continue
      const granted = guarded.find(({ grants }) => grants.some(({ grantee }) => grantee === oid))
      const named = policies.find(({ roles }) => roles.includes(oid))
      const table = granted ?? named?.table
      if (table === undefined) continue
      const power = superuser ? 'superuser' : 'bypassrls'
      yield {
        object: sql,
        says: `${sql} is ${power.toUpperCase()} and has grants or policies, as on ${table.sql}.`,
        evidence: `pg_roles.${superuser ? 'rolsuper' : 'rolbypassrls'} of ${sql} is true`,
        level: login ? 'error' : 'warning',
        fix: {
          person: login
            ? `Who connects as ${sql}? A trusted service, a backup or a migration would see no rows but those of its ` +
              `policies after: alter role ${sql} no${power}. It holds in every database of the server.`
            : `Logins can become ${sql}. Only a person knows whether a trusted service needs it.`,
        },
      }
    }
  },
}
