/**
 * `rowpass/operate`: what a program needs that runs a whole system, as `@rowpass/local` does: a project's settings, its database,
 * its keys and its gateway.
 *
 * Not for applications: what is here changes with any version.
 */
export { superuserUrl } from '../cli/chosen-database.ts'
export { bold, dim, exitCodes, type Io, red, type SetExitCode } from '../cli/io.ts'
export { openDatabaseRing } from '../cli/key-ring.ts'
export { runMain } from '../cli/main.ts'
export { ownIssuer, ownIssuers } from '../cli/own-issuers.ts'
export { loadProject, type Project } from '../cli/project.ts'
export { migrateDatabase, type OpenDatabase, openDatabase, seedDatabase } from '../cli/project-database.ts'
export { type NamedKeys, prepareRing, readNamedKeys } from '../cli/project-keys.ts'
export { claimFolder, type RunningUrls } from '../cli/running.ts'
export { workerConfig } from '../cli/worker-config.ts'
export { withConnection } from '../database/connect.ts'
export {
  errnoOf,
  isErrno,
  makeStateFolder,
  readJsonFile,
  stateFolder,
  writeJsonFile,
} from '../database/private-files.ts'
export { commandOf, findMarked, isAlive, markSelf } from '../database/processes.ts'
export { scramVerifier } from '../database/scram.ts'
export { loadSecrets } from '../database/secrets.ts'
export { runSeed } from '../database/seed.ts'
export { parseGatewayConfig } from '../gateway/config.ts'
export { createEventLog } from '../gateway/log.ts'
export { createProxyFetch } from '../gateway/proxy.ts'
export { createGateway, type Gateway } from '../gateway/server.ts'
export type { RingStore } from '../issuer/ring/ring-store.ts'
export { activate, addNewKey, prune } from '../issuer/ring/steps.ts'
export type { Cell, Line, Matrix } from '../matrix/cell.ts'
export { drawMatrix } from '../matrix/draw.ts'
export { toLabel, toSentence } from '../matrix/wording.ts'
export { loadParser, type Parser, type TreeNode } from '../statement/parser.ts'
export { TokenRefusal } from '../token/refusal.ts'
export { createVerifier, type VerifiedToken, type Verifier } from '../token/verifier.ts'
export { explain } from '../why/explain.ts'
export { type Hint, hintOf } from '../why/hint.ts'
export { type PlanNode, planAs } from '../why/plan.ts'
export { renderExplanation } from '../why/report.ts'
