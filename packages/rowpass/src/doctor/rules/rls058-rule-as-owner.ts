/**
 * RLS058: a rewrite rule that works with the rights of the owner.
 */
import { listed } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls058: Rule = {
  code: 'RLS058',
  slug: 'rule-as-owner',
  level: 'warning',
  title: 'A rewrite rule works with the rights of an owner who is past policies',
  why:
    'What CREATE RULE adds to a statement, or puts in its place, uses its tables as the owner of the table or view that has the ' +
    'rule: policies and grants are asked for that role, and not for whoever writes. A trigger that is no SECURITY DEFINER ' +
    'works as the caller.',
  *find({ catalog, access, tables }) {
    for (const relation of catalog.relations.values()) {
      const { actingRules, extension, owner, sql } = relation
      const roles = access.exposedTo(relation)
      if (actingRules.length === 0 || extension !== undefined || roles.length === 0) continue
      if (!tables.some((table) => table.rls && access.bypasses(owner, table))) continue
      yield {
        object: sql,
        part: actingRules.join(','),
        says: `${listed(actingRules)} of ${sql} ${actingRules.length === 1 ? 'works' : 'work'} for ${listed(
          roles.map((role) => role.sql),
        )} as ${catalog.roles.get(owner)?.sql}.`,
        evidence: `pg_rewrite: ${actingRules.join(', ')} on ${sql}`,
        fix: { person: 'A trigger, or two statements, can do the same as the caller.' },
      }
    }
  },
}
