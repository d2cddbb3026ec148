/**
 * The diagnosis as SARIF 2.1.0, for code scanning services.
 * @see https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
 */
import { createHash } from 'node:crypto'
import type { SortedFindings } from '../baseline.ts'
import type { Finding, Level } from '../finding.ts'
import { rules } from '../rules.ts'

const kinds: Readonly<Record<Level, string>> = { error: 'error', warning: 'warning', info: 'note' }

/** What a log says besides the findings. */
export interface SarifOptions {
  /** Of Rowpass. */
  readonly version: string
  /** File in the repository for results that are defined in none; default `rowpass-doctor.json`. */
  readonly artifact?: string
  /** Where the project defines what a finding is about; `path` is relative to the repository, `line` from 1. */
  readonly definitionOf?: (finding: Finding) => { readonly path: string; readonly line: number } | undefined
}

/**
 * Writes a log with one run. A database has no files, so places are logical locations; services that ask for a file
 * get `artifact`.
 *
 * @param options.version of Rowpass
 * @param options.artifact path of a file in the repository to hang the results on; default `rowpass-doctor.json`
 * @example
 * const { findings } = await runDoctor({ databaseUrl })
 * const log = toSarif(applyBaseline(findings, new Map()), { version: '0.1.0' })
 * writeFileSync('rowpass.sarif', JSON.stringify(log))
 */
export function toSarif(judged: SortedFindings, options: SarifOptions): unknown {
  const place = (finding: Finding) =>
    options.definitionOf?.(finding) ?? { path: options.artifact ?? 'rowpass-doctor.json', line: 1 }
  return {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'rowpass doctor',
            version: options.version,
            semanticVersion: options.version,
            rules: rules.map(({ code, slug, title, why, level }) => ({
              id: code,
              name: slug,
              shortDescription: { text: title },
              fullDescription: { text: why },
              defaultConfiguration: { level: kinds[level] },
            })),
          },
        },
        columnKind: 'utf16CodeUnits',
        results: [
          ...judged.open.map((finding) => toResult(finding, place(finding))),
          ...judged.accepted.map((finding) => ({
            ...toResult(finding, place(finding)),
            suppressions: [{ kind: 'external', status: 'accepted', justification: finding.reason }],
          })),
        ],
      },
    ],
  }
}

function toResult(finding: Finding, { path, line }: { path: string; line: number }) {
  const { code, level, says, evidence, key, object, fix } = finding
  const remedy =
    'sql' in fix
      ? `${fix.tried === true ? 'Fix' : 'Proposal'}: ${fix.sql.map((each) => `${each};`).join(' ')}`
      : fix.person
  return {
    ruleId: code,
    ruleIndex: rules.findIndex((rule) => rule.code === code),
    level: kinds[level],
    message: { text: `${says} ${remedy}` },
    locations: [
      {
        physicalLocation: { artifactLocation: { uri: encodeURI(path) }, region: { startLine: line } },
        logicalLocations: [{ fullyQualifiedName: object, kind: 'resource' }],
      },
    ],
    partialFingerprints: { 'rowpassKey/v1': createHash('sha256').update(key).digest('hex') },
    properties: { key, evidence },
  }
}
