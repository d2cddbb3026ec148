/** The part of the page for assistants, in Chromium: what it gives to copy connects one, as the person. */
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectOver } from '../../../packages/rowpass/test/gateway/mcp-client.ts'
import { findChromium, openBrowser } from '../../../packages/rowpass/test/support/browser.ts'
import { type Host, serveApp } from '../serve.ts'
import { type Stack, startStack } from '../stack.ts'

const executablePath = await findChromium()

describe.skipIf(executablePath === undefined)('the door for agents, on the page', { timeout: 120_000 }, () => {
  let stack: Stack
  let host: Host
  let browser: Awaited<ReturnType<typeof openBrowser>>
  let page: Page

  beforeAll(async () => {
    stack = await startStack({ ROWPASS_MCP: 'true' })
    host = await serveApp(stack.request)
    browser = await openBrowser(executablePath!, { width: 1280, height: 900, colorScheme: 'light' })
    page = await browser.context.newPage()
    page.setDefaultTimeout(60_000)
    await page.goto(host.url.href)
    await page.locator('#agents').waitFor()
  }, 180_000)
  afterAll(async () => {
    await browser.close()
    await host.close()
    await stack.close()
  })

  const lineOf = (name: string) => page.locator('.agent').filter({ hasText: `As ${name}` })

  /** What the line says to run, done by the official client. */
  async function connect(line: string) {
    const [, url, name, value] =
      /^claude mcp add --transport http rowpass (\S+) --header "(\w+): (Bearer [\w.-]+)"$/.exec(line)!
    const headers = { [name!]: value! }
    return connectOver(new StreamableHTTPClientTransport(new URL(url!), { requestInit: { headers } }))
  }

  it('is linked from the top, and has a line for each of the two', async () => {
    expect(await page.getByRole('link', { name: 'Agents' }).isVisible()).toBe(true)
    expect(await page.locator('.agent h3').allTextContents()).toEqual(['As David', 'As Priya Raman'])
  })

  it.each([
    ['David', [['David']]],
    ['Priya Raman', [['Other Employee'], ['Priya Raman'], ['Tomás Silva']]],
  ])('has a line to copy with which an assistant sees the rows of %s, and no other', async (name, rows) => {
    await browser.context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: host.url.origin })
    await lineOf(name).getByRole('button').click()
    await lineOf(name).getByRole('button', { name: 'Copied' }).waitFor()
    const line = await page.evaluate(() => navigator.clipboard.readText())
    expect(line).toBe(await lineOf(name).locator('pre').textContent())
    const { call, close } = await connect(line)
    expect((await call('query', { sql: 'select name from users order by name' })).data.rows).toEqual(rows)
    await close()
  })

  it('has another line when another person is chosen', async () => {
    await page.locator('[data-part="persona"]').first().selectOption({ label: 'Amara Obi, admin of Neon' })
    const { call, close } = await connect((await lineOf('Amara Obi').locator('pre').textContent())!)
    const { rows } = (await call('query', { sql: 'select email from users' })).data
    expect(rows).toContainEqual(['amara@neon.example'])
    await close()
  })
})
