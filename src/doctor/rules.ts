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
import { rls030 } from './rules/rls030-bare-call.ts'
import { rls031 } from './rules/rls031-fake-wrap.ts'
import { rls032 } from './rules/rls032-correlated-subselect.ts'
import { rls033 } from './rules/rls033-cast-on-column.ts'
import { rls034 } from './rules/rls034-volatile-call.ts'
import { rls035 } from './rules/rls035-missing-index.ts'
import { rls036 } from './rules/rls036-index-not-leakproof.ts'
import { rls037 } from './rules/rls037-function-of-row.ts'

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
  rls030,
  rls031,
  rls032,
  rls033,
  rls034,
  rls035,
  rls036,
  rls037,
]
