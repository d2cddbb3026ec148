import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findChromium, openBrowser } from '../support/browser.ts'
import { repository } from '../support/pg.ts'
import { openScene, type Scene } from './scene.ts'

const executablePath = await findChromium()

type Driver = typeof import('@neondatabase/serverless')

const pageHtml = `<!doctype html><link rel="icon" href="data:,">
<script type="module">import * as driver from '/driver.mjs'; globalThis.driver = driver</script>`

/** What one page managed to do; the text of the error where it did not. */
interface Attempt {
  readonly http: unknown
  readonly batch: unknown
  readonly pool: unknown
}

describe.skipIf(executablePath === undefined)('the driver in a page', () => {
  let scene: Scene
  let pages: Server
  let browser: Awaited<ReturnType<typeof openBrowser>>

  beforeAll(async () => {
    const driver = readFileSync(`${repository}node_modules/@neondatabase/serverless/index.mjs`)
    pages = createServer((request, response) => {
      const isDriver = request.url === '/driver.mjs'
      response.writeHead(200, { 'content-type': isDriver ? 'text/javascript' : 'text/html' })
      response.end(isDriver ? driver : pageHtml)
    })
    await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve))
    scene = await openScene({ ROWPASS_CORS_ORIGINS: pageUrl('127.0.0.1') })
    browser = await openBrowser(executablePath!, { width: 800, height: 600, colorScheme: 'light' })
  })
  afterAll(async () => {
    await browser.close()
    await scene.close()
    pages.closeAllConnections()
    pages.close()
  })

  const pageUrl = (host: string): string => `http://${host}:${(pages.address() as AddressInfo).port}`

  async function tryFrom(host: string): Promise<Attempt> {
    const page = await browser.context.newPage()
    await page.goto(pageUrl(host))
    const { gateway, tokenUrl, passwordUrl } = scene
    const given = { url: gateway.url, tokenUrl, passwordUrl, authToken: await gateway.issuer.token('ada') }
    const attempt = await page.evaluate(async ({ url, tokenUrl, passwordUrl, authToken }) => {
      const { neon, neonConfig, Pool } = (globalThis as unknown as { driver: Driver }).driver
      neonConfig.fetchEndpoint = url
      neonConfig.wsProxy = () => `${new URL(url).host}/v2`
      neonConfig.useSecureWebSocket = false
      const sql = neon(tokenUrl, { authToken, disableWarningInBrowsers: true })
      const settled = async (query: () => Promise<unknown>) => query().catch((error: unknown) => String(error))
      const pool = new Pool({ connectionString: passwordUrl })
      pool.on('error', () => {})
      const options = { isolationLevel: 'Serializable', readOnly: true, deferrable: true } as const
      return {
        http: await settled(() => sql`select auth.user_id() as id`),
        batch: await settled(() => sql.transaction([sql`select 1 as one`], options)),
        pool: await settled(async () => (await pool.query('select current_user as it')).rows),
      }
    }, given)
    await page.close()
    return attempt
  }

  it('works from an origin of the list: preflight, batch with every option, Pool', async () => {
    expect(await tryFrom('127.0.0.1')).toEqual({
      http: [{ id: 'ada' }],
      batch: [[{ one: 1 }]],
      pool: [{ it: 'rowpass_owner' }],
    })
  })

  it('SEC-65 works from no other', async () => {
    const served = () => scene.gateway.events.filter(({ type }) => type === 'sql_answered' || type === 'session_opened')
    const before = served().length
    expect(await tryFrom('localhost')).toEqual({
      http: expect.stringContaining('Failed to fetch'),
      batch: expect.stringContaining('Failed to fetch'),
      pool: expect.any(String),
    })
    expect(served()).toHaveLength(before)
  })
})
