/**
 * `rowpass/doctor`: examines the row-level security of any PostgreSQL 15 to 18.
 */

export type { Command } from '../access/catalog/catalog.ts'
export type { ClaimsCarrier, Identity } from '../access/identity.ts'
export {
  acceptFinding,
  acceptFindings,
  applyBaseline,
  type Baseline,
  baselineName,
  readBaseline,
  type SortedFindings,
} from '../doctor/baseline.ts'
export type { Finding, Fix, Level, Rule, RuleCode } from '../doctor/finding.ts'
export type { Measurement, MeasureOptions } from '../doctor/measure.ts'
export { type Migration, writeMigration } from '../doctor/migration.ts'
export { type PlatformDefault, type PlatformFacts, type PlatformName, platformNames } from '../doctor/platforms.ts'
export { type JsonFinding, type JsonReport, toJson } from '../doctor/report/json.ts'
export { type SarifOptions, toSarif } from '../doctor/report/sarif.ts'
export { rules } from '../doctor/rules.ts'
export { type Diagnosis, type DoctorOptions, runDoctor, type TryOptions } from '../doctor/run.ts'
export {
  type Approval,
  compareApprovals,
  type Difference,
  isAlarming,
  parseApproval,
  printApproval,
  toApproval,
} from '../matrix/approval.ts'
export {
  type AttemptOutcome,
  type Cell,
  type CellAttempt,
  type CellVerdict,
  type Line,
  type Matrix,
  type RowTally,
  type Subject,
  type TableMatrix,
  toAccess,
  type Whose,
} from '../matrix/cell.ts'
export { drawMatrix, type MatrixOptions } from '../matrix/draw.ts'
export { renderPage } from '../matrix/page.ts'
export { type ExplainOptions, explain as explainStatement } from '../why/explain.ts'
export type { Explanation, Reason, ReasonCode } from '../why/explanation.ts'
export { renderExplanation } from '../why/report.ts'
