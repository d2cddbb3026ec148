/**
 * RLS064: everybody may make temporary tables.
 */
import { everyone } from '../../access/access.ts'
import type { Rule } from '../finding.ts'

export const rls064: Rule = {
  code: 'RLS064',
  slug: 'temporary-for-public',
  level: 'info',
  title: 'PUBLIC may make temporary tables',
  why:
    'That is how PostgreSQL begins. Temporary tables come before those of the same name, also in a function whose ' +
    'search_path does not name pg_temp at its end, and stay in a pooled session.',
  *find({ catalog }) {
    const { sql, grants } = catalog.database
    if (!grants.some(({ grantee, privilege }) => grantee === everyone && privilege === 'TEMPORARY')) return
    yield {
      object: 'database',
      says: `Every role may make temporary tables in ${sql}.`,
      evidence: `pg_database.datacl of ${sql} has TEMPORARY for PUBLIC`,
      fix: {
        person:
          `Whoever uses temporary tables gets them by name first: "grant temporary on database ${sql} to …", ` +
          `then "revoke temporary on database ${sql} from public".`,
      },
    }
  },
}
