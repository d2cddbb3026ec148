/**
 * The diagnosis as SARIF 2.1.0, for code scanning services.
 * @see https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
 */
import { createHash } from 'node:crypto'
import type { SortedFindings } from '../baseline.ts'
import type { Finding, Level } from '../finding.ts'
import { rules } from '../rules.ts'

const kinds: Readonly<Record<Level, string>> = { error: 'error', warning: 'warning', info: 'note' }

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
export function toSarif(judged: SortedFindings, options: { version: string; artifact?: string }): unknown {
  const artifact = options.artifact ?? 'rowpass-doctor.json'
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
          ...judged.open.map((finding) => toResult(finding, artifact)),
          ...judged.accepted.map((finding) => ({
            ...toResult(finding, artifact),
            suppressions: [{ kind: 'external', status: 'accepted', justification: finding.reason }],
          })),
        ],
      },
    ],
  }
}

function toResult(finding: Finding, artifact: string) {
  const { code, level, says, evidence, key, object, fix } = finding
  const remedy = 'sql' in fix ? `Fix: ${fix.sql.map((each) => `${each};`).join(' ')}` : fix.person
  return {
    ruleId: code,
    ruleIndex: rules.findIndex((rule) => rule.code === code),
    level: kinds[level],
    message: { text: `${says} ${remedy}` },
    locations: [
      {
        physicalLocation: { artifactLocation: { uri: encodeURI(artifact) }, region: { startLine: 1 } },
        logicalLocations: [{ fullyQualifiedName: object, kind: 'resource' }],
      },
    ],
    partialFingerprints: { 'rowpassKey/v1': createHash('sha256').update(key).digest('hex') },
    properties: { key, evidence },
  }
}
