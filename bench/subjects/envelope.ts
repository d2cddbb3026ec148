/**
 * (b) The usual way to give a request an identity: BEGIN, set_config, the query, COMMIT, each awaited.
 */
import { createServer } from 'node:http'
import pg from 'pg'
import type { Scene } from '../scene.ts'
import { answerJson, bearerOf, listen, readJson } from './http.ts'
import { answerParent } from './serve.ts'
import { createBenchVerifier } from './verifier.ts'

const envelope = `select set_config('role', $1, true), set_config('jwt.claims.sub', $2, true)`

answerParent(async ({ webUrl, poolSize, issuer }: Scene) => {
  const verifier = createBenchVerifier(issuer)
  const pool = new pg.Pool({ connectionString: webUrl, max: poolSize })
  const server = createServer(async (request, response) => {
    const { query, params } = await readJson(request)
    const verified = verifier.verify(bearerOf(request))
    const { sub } = verified instanceof Promise ? await verified : verified
    const client = await pool.connect()
    try {
      await client.query('begin')
      await client.query({ name: 'envelope', text: envelope, values: ['web_user', sub] })
      const { rows } = await client.query({ name: 'note', text: query, values: params })
      await client.query('commit')
      answerJson(response, { rows })
    } finally {
      client.release()
    }
  })
  return listen(server)
})
