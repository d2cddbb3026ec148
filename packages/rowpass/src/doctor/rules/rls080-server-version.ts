/**
 * RLS080: a server without corrections of row-level security.
 */
import { missingCorrections } from '../../database/exposure.ts'
import type { Rule } from '../finding.ts'

export const rls080: Rule = {
  code: 'RLS080',
  slug: 'server-version',
  level: 'error',
  title: 'The server lacks corrections of row-level security',
  why:
    'CVE-2023-2455 (wrong policies after inlining), CVE-2023-39418 (MERGE past policies), CVE-2024-10976 (policies of ' +
    'sub-selects after a change of role), CVE-2024-10978 (the wrong role after SET ROLE), CVE-2025-8713 (statistics show ' +
    'hidden values). Before 15.20, 16.16, 17.12 and 18.6 the WHERE of ON CONFLICT DO UPDATE is asked of rows that policies hide, ' +
    'and its errors show them. That needs SQL of the caller’s own, as RLS075 does, so it is a note; the gateway of Rowpass refuses ' +
    'the clause there. Minor versions are a change of programs, not of data.',
  *find({ catalog }) {
    const { version } = catalog.database
    const missing = missingCorrections(version)
    if (missing === undefined) return
    const { sound, onlyOnConflict } = missing
    const spell = (number: number): string => `${Math.floor(number / 10_000)}.${number % 10_000}`
    yield {
      object: 'server',
      says: `PostgreSQL ${spell(version)} is older than ${spell(sound)}.`,
      evidence: `server_version_num is ${version}`,
      ...(onlyOnConflict && { level: 'info' as const }),
      fix: { person: `Install PostgreSQL ${spell(sound)} or newer.` },
    }
  },
}
