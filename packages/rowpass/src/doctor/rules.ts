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
import { rls008 } from './rules/rls008-login-inherits.ts'
import { rls009 } from './rules/rls009-owner-without-policy.ts'
import { rls010 } from './rules/rls010-policy-for-public.ts'
import { rls011 } from './rules/rls011-writes-unchecked.ts'
import { rls012 } from './rules/rls012-reads-everything.ts'
import { rls013 } from './rules/rls013-or-opens.ts'
import { rls014 } from './rules/rls014-row-can-be-moved.ts'
import { rls015 } from './rules/rls015-insert-for-others.ts'
import { rls016 } from './rules/rls016-trusts-user-metadata.ts'
import { rls017 } from './rules/rls017-trusts-writable-column.ts'
import { rls018 } from './rules/rls018-opens-without-claims.ts'
import { rls019 } from './rules/rls019-fails-without-claims.ts'
import { rls020 } from './rules/rls020-caller-ignored.ts'
import { rls021 } from './rules/rls021-rows-without-claims.ts'
import { rls022 } from './rules/rls022-error-without-claims.ts'
import { rls023 } from './rules/rls023-session-user.ts'
import { rls024 } from './rules/rls024-definer-asks-current-user.ts'
import { rls025 } from './rules/rls025-any-caller.ts'
import { rls026 } from './rules/rls026-immutable-reads-caller.ts'
import { rls027 } from './rules/rls027-callers-own-table.ts'
import { rls028 } from './rules/rls028-compares-with-itself.ts'
import { rls030 } from './rules/rls030-bare-call.ts'
import { rls031 } from './rules/rls031-fake-wrap.ts'
import { rls032 } from './rules/rls032-correlated-subselect.ts'
import { rls033 } from './rules/rls033-cast-on-column.ts'
import { rls034 } from './rules/rls034-volatile-call.ts'
import { rls035 } from './rules/rls035-missing-index.ts'
import { rls036 } from './rules/rls036-index-not-leakproof.ts'
import { rls037 } from './rules/rls037-function-of-row.ts'
import { rls040 } from './rules/rls040-policy-recursion.ts'
import { rls041 } from './rules/rls041-hidden-filter.ts'
import { rls042 } from './rules/rls042-policy-without-grant.ts'
import { rls043 } from './rules/rls043-open-partition.ts'
import { rls044 } from './rules/rls044-definer-view.ts'
import { rls045 } from './rules/rls045-open-matview.ts'
import { rls046 } from './rules/rls046-open-foreign-table.ts'
import { rls047 } from './rules/rls047-view-without-barrier.ts'
import { rls048 } from './rules/rls048-write-without-select.ts'
import { rls049 } from './rules/rls049-insert-without-select.ts'
import { rls050 } from './rules/rls050-unpinned-search-path.ts'
import { rls051 } from './rules/rls051-temporary-tables-first.ts'
import { rls052 } from './rules/rls052-definer-ignores-caller.ts'
import { rls053 } from './rules/rls053-definer-for-public.ts'
import { rls054 } from './rules/rls054-not-leakproof.ts'
import { rls055 } from './rules/rls055-runs-callers-sql.ts'
import { rls056 } from './rules/rls056-trigger-writes-for-others.ts'
import { rls057 } from './rules/rls057-definer-without-policy.ts'
import { rls058 } from './rules/rls058-rule-as-owner.ts'
import { rls060 } from './rules/rls060-grants-past-policies.ts'
import { rls061 } from './rules/rls061-create-in-schema.ts'
import { rls062 } from './rules/rls062-default-privileges.ts'
import { rls063 } from './rules/rls063-functions-for-public.ts'
import { rls064 } from './rules/rls064-temporary-for-public.ts'
import { rls065 } from './rules/rls065-sequence-open.ts'
import { rls066 } from './rules/rls066-column-grant-in-vain.ts'
import { rls067 } from './rules/rls067-generated-column-shows.ts'
import { rls068 } from './rules/rls068-server-in-reach.ts'
import { rls069 } from './rules/rls069-serial-without-usage.ts'
import { rls070 } from './rules/rls070-unique-oracle.ts'
import { rls071 } from './rules/rls071-foreign-key-oracle.ts'
import { rls072 } from './rules/rls072-action-past-policies.ts'
import { rls073 } from './rules/rls073-published.ts'
import { rls074 } from './rules/rls074-statistics-visible.ts'
import { rls075 } from './rules/rls075-claims-can-be-forged.ts'
import { rls076 } from './rules/rls076-reached-without-seal.ts'
import { rls080 } from './rules/rls080-server-version.ts'
import { rls081 } from './rules/rls081-row-security-off.ts'

/** In the order of their numbers. */
export const rules: readonly Rule[] = [
  rls001,
  rls002,
  rls003,
  rls004,
  rls005,
  rls006,
  rls007,
  rls008,
  rls009,
  rls010,
  rls011,
  rls012,
  rls013,
  rls014,
  rls015,
  rls016,
  rls017,
  rls018,
  rls019,
  rls020,
  rls021,
  rls022,
  rls023,
  rls024,
  rls025,
  rls026,
  rls027,
  rls028,
  rls030,
  rls031,
  rls032,
  rls033,
  rls034,
  rls035,
  rls036,
  rls037,
  rls040,
  rls041,
  rls042,
  rls043,
  rls044,
  rls045,
  rls046,
  rls047,
  rls048,
  rls049,
  rls050,
  rls051,
  rls052,
  rls053,
  rls054,
  rls055,
  rls056,
  rls057,
  rls058,
  rls060,
  rls061,
  rls062,
  rls063,
  rls064,
  rls065,
  rls066,
  rls067,
  rls068,
  rls069,
  rls070,
  rls071,
  rls072,
  rls073,
  rls074,
  rls075,
  rls076,
  rls080,
  rls081,
]
