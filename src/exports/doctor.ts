/**
 * `rowpass/doctor`: examines the row-level security of any PostgreSQL 15 to 18.
 */
export {
  acceptFinding,
  applyBaseline,
  type Baseline,
  baselineName,
  type Judged,
  readBaseline,
} from '../doctor/baseline.ts'
export type { Finding, Fix, Level, Rule, RuleCode } from '../doctor/finding.ts'
export { type Migration, writeMigration } from '../doctor/migration.ts'
export { type JsonFinding, type JsonReport, toJson } from '../doctor/report/json.ts'
export { toSarif } from '../doctor/report/sarif.ts'
export { rules } from '../doctor/rules.ts'
export { type Diagnosis, type DoctorOptions, runDoctor } from '../doctor/run.ts'
