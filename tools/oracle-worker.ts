/**
 * A process of `npm run oracle`: runs rounds as it is told, and keeps the databases of one schema open.
 */
import { type Count, type Finding, newReport, runRound } from '../packages/rowpass/test/oracle/oracle.ts'
import { schemas } from '../packages/rowpass/test/oracle/schemas.ts'
import { type Base, openStage, type Stage } from '../packages/rowpass/test/oracle/stage.ts'

/** One round, or to close everything. */
export type ToWorker =
  | 'end'
  | {
      readonly base: Base
      /** Start of the names of its databases. */
      readonly prefix: string
      readonly seed: number
      readonly schema: string
      readonly round: number
    }

/** What came of a round. */
export interface FromWorker {
  readonly counts: readonly [kind: string, count: Count][]
  readonly codes: readonly [code: string, times: number][]
  readonly findings: readonly Finding[]
}

let stage: Stage | undefined

process.on('message', (message: ToWorker) => {
  void answer(message)
})

// The parent says when to stop.
process.on('SIGINT', () => {})

// Nobody is left to tell.
process.on('disconnect', () => process.exit())

async function answer(message: ToWorker): Promise<void> {
  if (message === 'end') {
    await stage?.close()
    process.disconnect()
    return
  }
  const { base, prefix, seed, schema: name, round } = message
  if (stage?.schema.name !== name) {
    await stage?.close()
    const schema = schemas.find((each) => each.name === name)
    if (schema === undefined) throw new Error(`there is no schema ${name}`)
    stage = await openStage(base, prefix, schema)
  }
  const report = newReport()
  await runRound(stage, seed, round, report)
  const told: FromWorker = { counts: [...report.counts], codes: [...report.codes], findings: report.findings }
  process.send?.(told)
}
