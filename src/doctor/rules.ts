/**
 * All rules, by number. Numbers are public: never reused, gaps stay.
 */
import type { Rule } from './finding.ts'
import { rls001 } from './rules/rls001-rls-disabled.ts'
import { rls002 } from './rules/rls002-policies-without-rls.ts'
import { rls003 } from './rules/rls003-no-policy.ts'
import { rls004 } from './rules/rls004-force-missing.ts'
import { rls005 } from './rules/rls005-bypassing-role.ts'
import { rls006 } from './rules/rls006-owner-in-reach.ts'
import { rls007 } from './rules/rls007-only-owner-logs-in.ts'
import { rls010 } from './rules/rls010-policy-for-public.ts'
import { rls011 } from './rules/rls011-writes-unchecked.ts'
import { rls012 } from './rules/rls012-reads-everything.ts'
import { rls013 } from './rules/rls013-or-opens.ts'

/** In the order of their numbers. */
export const rules: readonly Rule[] = [
  rls001,
  rls002,
  rls003,
  rls004,
  rls005,
  rls006,
  rls007,
  rls010,
  rls011,
  rls012,
  rls013,
]
