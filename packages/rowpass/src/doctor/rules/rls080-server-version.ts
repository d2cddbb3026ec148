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
    'hidden values). Minor versions are a change of programs, not of data.',
  *find({
    catalog: {
      database: { version },
    },
  }) {
    const sound = missingCorrections(version)
    if (sound === undefined) return
    const spell = (number: number): string => `${Math.floor(number / 10_000)}.${number % 10_000}`
    yield {
      object: 'server',
      says: `PostgreSQL ${spell(version)} is older than ${spell(sound)}.`,
      evidence: `server_version_num is ${version}`,
      fix: { person: `Install PostgreSQL ${spell(sound)} or newer.` },
    }
  },
}
