/**
 * What stands in for Neon Authorize, as neither it nor its extension can be had here: the functions of pg_session_jwt in SQL,
 * and an endpoint that verifies each token.
 *
 * The extension keeps the token that its own proxy has signed for the connection. This one reads `request.jwt.claims`, as the
 * extension does where it was given no key: any SQL could set that, so nothing here tries what SQL can forge.
 */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createRemoteJWKSet, errors, jwtVerify } from 'jose'
import { withConnection } from '../../packages/rowpass/src/database/connect.ts'

/**
 * Makes an empty database look as if pg_session_jwt were installed, in a schema where the owner may create.
 *
 * @param owner role that owns the database
 */
export async function installSessionJwt(superuserUrl: string, owner: string): Promise<void> {
  await withConnection(superuserUrl, (client) =>
    client.query(`
      set allow_system_table_mods = on;
      insert into pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
        values (pg_nextoid('pg_extension', 'oid', 'pg_extension_oid_index'), 'pg_session_jwt', 10, 'public'::regnamespace,
                false, '0.5.0');
      create schema auth;
      grant usage on schema auth to public;
      grant usage, create on schema auth to ${owner};
      create function auth.session() returns jsonb language sql stable
        as $$ select coalesce(nullif(current_setting('request.jwt.claims', true), '')::jsonb, 'null') $$;
      create function auth.jwt() returns jsonb language sql stable as $$ select auth.session() $$;
      create function auth.user_id() returns text language sql stable as $$ select auth.session() ->> 'sub' $$;
      create function auth.uid() returns uuid language sql stable as $$
        select case when auth.user_id() ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then auth.user_id()::uuid end $$`),
  )
}

/** What to stand in for. */
export interface AuthorizeOptions {
  /** Where statements go, as a user with a password. */
  readonly endpoint: string
  /** A login that may take the role of the connection string. */
  readonly loginUrl: string
  readonly jwksUrl: string
}

/** An endpoint that takes tokens. */
export interface Authorize {
  readonly url: string
  close(): Promise<void>
}

type Statement = Readonly<Record<string, unknown>>

/**
 * Starts the endpoint on a free port of 127.0.0.1; what comes without a token passes as it is. The words of its refusals are those of Neon's proxy, which looks at the
 * signature and the times of a token, and takes the role from the connection string.
 */
export async function startAuthorize({ endpoint, loginUrl, jwksUrl }: AuthorizeOptions): Promise<Authorize> {
  const keys = createRemoteJWKSet(new URL(jwksUrl))
  const server = createServer(async (request, response) => {
    const answer = (status: number, body: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    const connection = String(request.headers['neon-connection-string'])
    const forward = async (url: string, body: unknown) => {
      const headers = { ...batchHeaders(request), 'neon-connection-string': url }
      const forwarded = await fetch(endpoint, { method: 'POST', headers, body: JSON.stringify(body) })
      return { status: forwarded.status, body: (await forwarded.json()) as { results?: unknown[] } }
    }
    const body = JSON.parse(await textOf(request)) as Statement & { queries?: Statement[] }
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1]
    if (token === undefined) {
      const { status, body: answered } = await forward(connection, body)
      return answer(status, answered)
    }
    const refusal = await refusalOf(token)
    if (refusal !== undefined) return answer(400, { message: refusal, code: '' })
    const identity = {
      query: `select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)`,
      params: [new URL(connection).username, Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()],
    }
    const { status, body: answered } = await forward(loginUrl, { queries: [identity, ...(body.queries ?? [body])] })
    if (answered.results === undefined) return answer(status, answered)
    const [, ...results] = answered.results
    answer(status, body.queries === undefined ? results[0] : { results })
  })

  async function refusalOf(token: string): Promise<string | undefined> {
    try {
      await jwtVerify(token, keys, { clockTolerance: 30 })
      return undefined
    } catch (error) {
      if (error instanceof errors.JWTExpired) return `JWT token has expired (exp=${error.payload.exp})`
      return 'signature error: it does not verify'
    }
  }

  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/sql`,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function batchHeaders({ headers }: IncomingMessage): Record<string, string> {
  const named = Object.entries(headers).filter(([name]) => /^neon-(raw|array|batch)-/.test(name))
  return Object.fromEntries(named.map(([name, value]) => [name, String(value)]))
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}
