/**
 * (a) node:http and node-postgres: a prepared statement on the pool, no identity, no row-level security.
 */
import { createServer } from 'node:http'
import pg from 'pg'
import type { Scene } from '../scene.ts'
import { answerJson, listen, readJson } from './http.ts'
import { answerParent } from './serve.ts'

answerParent(async ({ ownerUrl, poolSize }: Scene) => {
  const pool = new pg.Pool({ connectionString: ownerUrl, max: poolSize })
  const names = new Map<string, string>()
  const nameOf = (text: string): string => {
    const name = names.get(text) ?? `statement ${names.size}`
    names.set(text, name)
    return name
  }
  const server = createServer(async (request, response) => {
    const { query, params } = await readJson(request)
    const { rows } = await pool.query({ name: nameOf(query), text: query, values: params })
    answerJson(response, { rows })
  })
  return listen(server)
})
