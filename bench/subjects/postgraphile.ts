/**
 * (c) PostGraphile with role and claims in `pgSettings`, the same row as GraphQL.
 */
import { createServer } from 'node:http'
import pg from 'pg'
import { postgraphile } from 'postgraphile'
import type { Scene } from '../scene.ts'
import { bearerOf, listen } from './http.ts'
import { answerParent } from './serve.ts'
import { createBenchVerifier } from './verifier.ts'

answerParent(async ({ webUrl, poolSize, issuer }: Scene) => {
  process.env.NODE_ENV = 'production'
  const verifier = createBenchVerifier(issuer)
  const pool = new pg.Pool({ connectionString: webUrl, max: poolSize })
  const handler = postgraphile(pool, 'public', {
    graphiql: false,
    disableQueryLog: true,
    async pgSettings(request) {
      const { sub } = await verifier.verify(bearerOf(request))
      return { role: 'web_user', 'jwt.claims.sub': sub }
    },
  })
  return listen(createServer(handler))
})
