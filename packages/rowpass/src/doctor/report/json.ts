/**
 * The diagnosis as JSON, for programs. `docs/doctor.md` describes it; `schema` goes up when a member changes its meaning.
 */
import type { SortedFindings } from '../baseline.ts'
import type { Finding, Level } from '../finding.ts'
import type { Diagnosis } from '../run.ts'

/** Version of the form; members may be added under the same one. */
const jsonSchema = 1

/** One finding. */
export interface JsonFinding {
  readonly code: string
  readonly slug: string
  readonly level: Level
  readonly key: string
  readonly object: string
  readonly part: string | null
  readonly title: string
  readonly says: string
  readonly evidence: string
  readonly why: string
  /** Statements without semicolons; null where a person is needed. */
  readonly fix: readonly string[] | null
  /** Whether they were run and rolled back, and broke nothing that was tried; else they are a proposal. */
  readonly fix_tried: boolean
  /** Who loses what by them. */
  readonly fix_loses: readonly string[]
  readonly needs_person: string | null
  /** The reason in the baseline. */
  readonly accepted: string | null
}

/** The document. */
export interface JsonReport {
  readonly schema: typeof jsonSchema
  readonly server_version: number
  readonly roles: readonly string[]
  readonly tables: number
  readonly policies: number
  readonly findings: readonly JsonFinding[]
  readonly stale: readonly string[]
  /** The platform and what is so by it; null where it is on none that is known. */
  readonly platform: {
    readonly name: string
    readonly evidence: string
    readonly defaults: readonly { readonly says: string; readonly keys: readonly string[] }[]
  } | null
  /** What is a guess, and what could not be tried, and why. */
  readonly notes: readonly string[]
  /** With `--measure` only: medians in milliseconds, null where there is none. */
  readonly measurements?: readonly {
    key: string
    before_ms: number | null
    after_ms: number | null
    reason: string | null
  }[]
}

/**
 * Writes the document.
 *
 * @example
 * const diagnosis = await runDoctor({ databaseUrl })
 * const report = toJson(diagnosis, applyBaseline(diagnosis.findings, readBaseline(baselineName)))
 * console.log(JSON.stringify(report, null, 2))
 */
export function toJson(diagnosis: Diagnosis, judged: SortedFindings): JsonReport {
  const reasons = new Map(judged.accepted.map(({ key, reason }) => [key, reason]))
  return {
    schema: jsonSchema,
    server_version: diagnosis.serverVersion,
    roles: diagnosis.roles,
    tables: diagnosis.tables,
    policies: diagnosis.policies,
    findings: diagnosis.findings.map((finding) => toFinding(finding, reasons.get(finding.key))),
    stale: judged.stale,
    platform: toPlatform(diagnosis),
    notes: diagnosis.notes,
    ...(diagnosis.measurements && {
      measurements: diagnosis.measurements.map(({ key, beforeMs, afterMs, reason }) => ({
        key,
        before_ms: beforeMs ?? null,
        after_ms: afterMs ?? null,
        reason: reason ?? null,
      })),
    }),
  }
}

function toPlatform({ platform }: Diagnosis): JsonReport['platform'] {
  if (platform === undefined) return null
  const { name, evidence, defaults } = platform
  return {
    name,
    evidence,
    defaults: defaults.map(({ says, findings }) => ({ says, keys: findings.map(({ key }) => key) })),
  }
}

function toFinding(finding: Finding, accepted: string | undefined): JsonFinding {
  const { code, slug, level, key, object, part, title, says, evidence, why, fix } = finding
  return {
    code,
    slug,
    level,
    key,
    object,
    part: part ?? null,
    title,
    says,
    evidence,
    why,
    fix: 'sql' in fix ? fix.sql : null,
    fix_tried: 'sql' in fix && fix.tried === true,
    fix_loses: 'sql' in fix ? (fix.loses ?? []) : [],
    needs_person: 'person' in fix ? fix.person : null,
    accepted: accepted ?? null,
  }
}
