/**
 * What the page of `DEMO=true` runs as somebody: SQL of theirs, and questions that `rowpass dev` answers. Elsewhere none of it
 * exists, and a deployment cannot switch it on (`env.ts`).
 */
import { type Context, Hono } from 'hono'
import { Failure } from 'rowpass'
import * as z from 'zod'
import { parseBody } from '../input.ts'
import { readBearer } from '../middleware/require-bearer.ts'
import { type DemoEnv, onlyInDemo } from './demo.ts'

/** Body of POST /demo/sql. */
export const statement = z.strictObject({
  query: z.string().max(8_192),
  params: z.array(z.union([z.string(), z.null()])).max(100),
})

/** What can stand behind /demo/ask/. */
export const questions = ['why', 'matrix', 'rotate', 'end-session'] as const

/** The slowest is a rotation, which waits for every instance of an API to have the new key. */
const timeoutMs = 30_000

/** One statement, as it is, with the token as it is: the gateway decides about both, and its answer is handed on. */
async function runSql(c: Context<DemoEnv>): Promise<Response> {
  const token = readBearer(c)
  const { gatewayUrl } = c.get('demo')
  if (gatewayUrl === undefined) throw new Failure('path_unknown')
  const body = await parseBody(c, statement)
  return handOn(
    await reach(gatewayUrl, body, {
      Authorization: `Bearer ${token}`,
      'Neon-Connection-String': c.get('settings').databaseUrl.reveal(),
      'Neon-Raw-Text-Output': 'true',
      'Neon-Array-Mode': 'true',
    }),
  )
}

/** A question of the page, for `rowpass dev` to answer; it verifies the tokens that are in it. */
async function ask(c: Context<DemoEnv>): Promise<Response> {
  const { showcase } = c.get('demo')
  const about = questions.find((each) => each === c.req.param('about'))
  if (showcase === undefined || about === undefined) throw new Failure('path_unknown')
  const question = await parseBody(c, z.record(z.string(), z.unknown()))
  const answer = await reach(`${showcase.url}${about}`, question, {
    Authorization: `Bearer ${showcase.secret.reveal()}`,
  })
  return handOn(answer)
}

/** Whether the gateway has a door for agents, and where: asked for without a token, it is there when it refuses that. */
async function findAgentsDoor(c: Context<DemoEnv>): Promise<Response> {
  const { gatewayUrl } = c.get('demo')
  if (gatewayUrl === undefined) throw new Failure('path_unknown')
  const url = new URL('/mcp', gatewayUrl).href
  const { status } = await reach(url, {}, {})
  return c.json({ url: status === 401 ? url : null })
}

async function reach(url: string, body: object, headers: Record<string, string>): Promise<Response> {
  try {
    return await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify(body),
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    })
  } catch (cause) {
    throw new Failure('gateway_unreachable', { cause })
  }
}

/** The answer with its status, its type and its times; whoever asks may read neither of them from a cache. */
function handOn({ status, headers, body }: Response): Response {
  const kept = ['Content-Type', 'Server-Timing'].flatMap((name) => {
    const value = headers.get(name)
    return value === null ? [] : [[name, value] as const]
  })
  return new Response(body, { status, headers: { ...Object.fromEntries(kept), 'Cache-Control': 'no-store' } })
}

/** POST /sql, POST /ask/:about, GET /agents. */
export const showcaseRoutes = new Hono<DemoEnv>()
  .post('/sql', onlyInDemo, runSql)
  .post('/ask/:about', onlyInDemo, ask)
  .get('/agents', onlyInDemo, findAgentsDoor)
