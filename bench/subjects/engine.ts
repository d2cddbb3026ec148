/**
 * The engine without HTTP, beside node-postgres: the same statement, closed load, in one process.
 */
import pg from 'pg'
import { createAdmissions } from '../../packages/rowpass/src/gateway/admission.ts'
import type { GatewayIdentity } from '../../packages/rowpass/src/postgres/flight.ts'
import type { Pool } from '../../packages/rowpass/src/postgres/pool.ts'
import { parseSealKeys } from '../../packages/rowpass/src/seal/keys.ts'
import { sealSession } from '../../packages/rowpass/src/seal/seal.ts'
import type { Run } from '../measure.ts'
import { askOne, load, openPool } from '../pool.ts'
import { noteSql, peopleTables, personSql, type Scene } from '../scene.ts'
import { answerParent } from './serve.ts'

/** What can be measured at this level. */
export type EngineSubject =
  | 'pg bare'
  | 'pg envelope'
  | 'engine bare'
  | 'engine'
  | 'engine, two claims'
  | 'engine, demo’s policy'

/** The first message makes the scene, each further one is a run. */
export type EngineQuestion =
  | { readonly scene: Scene; readonly poolSize: number; readonly pipelineDepth: number }
  | { readonly subject: EngineSubject; readonly clients: number; readonly durationMs: number }

/** Runs one request of a caller and rejects unless it found its one row. */
type Ask = (turn: number) => Promise<void>

let subjects: Record<EngineSubject, Ask> | undefined

answerParent(async (question: EngineQuestion): Promise<Run | undefined> => {
  if ('scene' in question) {
    subjects = await createSubjects(question.scene, question.poolSize, question.pipelineDepth)
    return undefined
  }
  if (subjects === undefined) throw new Error('there is no scene yet')
  return load(subjects[question.subject], question.clients, question.durationMs)
})

async function createSubjects(scene: Scene, size: number, depth: number): Promise<Record<EngineSubject, Ask>> {
  const { callers, ownerUrl, webUrl, gatewayUrl, poolSize } = scene
  const [key] = parseSealKeys(scene.sealKeys)
  const exp = Math.floor(Date.now() / 1000) + 86_400
  const toIdentity = (claims: object): GatewayIdentity => {
    const claimsJson = JSON.stringify({ iss: scene.issuer.iss, exp, ...claims })
    return { role: 'authenticated', session: sealSession(key, { role: 'authenticated', exp, claimsJson }) }
  }
  const identities = callers.map(({ sub }) => toIdentity({ sub }))
  const people = scene.people.map(({ id, tenantId }) => ({
    id,
    identity: toIdentity({ sub: id, tenant_id: tenantId, role: 'member' }),
  }))
  const noteOf = (turn: number) => {
    const who = turn % callers.length
    const ids = callers[who]?.noteIds ?? []
    return { who, params: [String(ids[turn % ids.length])] }
  }

  const bare = new pg.Pool({ connectionString: ownerUrl, max: poolSize })
  const web = new pg.Pool({ connectionString: webUrl, max: poolSize })
  const options = { size, maxPipelineDepth: depth, maxPreparedStatements: 100 }
  const [engine, limit] = await Promise.all([openPool(gatewayUrl, options), openPool(ownerUrl, options)])
  const admit = createAdmissions(engine)
  const shape = { arrayMode: true, rawText: true }
  const onEngine = (pool: Pool, identity: GatewayIdentity | undefined, params: string[], sql = noteSql) =>
    askOne(pool, identity, { sql, params, prepare: true, shape }, admit)
  const onPeople = (table: string) => {
    const sql = personSql(table)
    return (turn: number) => {
      const person = people[turn % people.length]
      return onEngine(engine, person?.identity, [person?.id ?? ''], sql)
    }
  }

  return {
    async 'pg bare'(turn) {
      const { params } = noteOf(turn)
      const { rows } = await bare.query({ name: 'note', text: noteSql, values: params })
      if (rows.length !== 1) throw new Error('no row')
    },
    async 'pg envelope'(turn) {
      const { who, params } = noteOf(turn)
      const client = await web.connect()
      await client.query('begin')
      const text = `select set_config('role', $1, true), set_config('jwt.claims.sub', $2, true)`
      await client.query({ name: 'envelope', text, values: ['web_user', callers[who]?.sub] })
      const { rows } = await client.query({ name: 'note', text: noteSql, values: params })
      await client.query('commit')
      client.release()
      if (rows.length !== 1) throw new Error('no row')
    },
    engine(turn) {
      const { who, params } = noteOf(turn)
      return onEngine(engine, identities[who], params)
    },
    'engine, two claims': onPeople(peopleTables.twoClaims),
    'engine, demo’s policy': onPeople(peopleTables.demo),
    'engine bare': (turn) => onEngine(limit, undefined, noteOf(turn).params),
  }
}
