/** The files of the page by themselves: how much they weigh, and what they are without an API. */
import { readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { findChromium, openBrowser } from '../../../packages/rowpass/test/support/browser.ts'
import { createAssets } from '../../src/assets.ts'
import { pagePolicy } from '../../src/routes/demo.ts'

const web = new URL('../../web/', import.meta.url)
const names = readdirSync(web)
const executablePath = await findChromium()

describe('the files of the page', () => {
  it('weigh 60 KB at most on the wire, altogether', () => {
    const bytes = names.map((name) => gzipSync(readFileSync(new URL(name, web))).length)
    expect(bytes.reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(60_000)
  })

  it('name no other host', () => {
    const hosts = names.flatMap((name) => [...readFileSync(new URL(name, web), 'utf8').matchAll(/https?:\/\/[\w.-]+/g)])
    expect([...new Set(hosts.map(([host]) => host))]).toEqual(['http://www.w3.org'])
  })

  it('carry the policy that the API serves them with, for a host of files alone', async () => {
    const ofFiles = pagePolicy.replace("frame-ancestors 'none'; ", '')
    expect(readFileSync(new URL('index.html', web), 'utf8')).toContain(`content="${ofFiles}"`)
  })

  it.skipIf(executablePath === undefined)('are a still of the page where no API is', { timeout: 120_000 }, async () => {
    const assets = createAssets((name) => readFile(new URL(name, web)).catch(() => undefined))
    const server = createServer(async (request, response) => {
      const answer = await assets.fetch(new Request(new URL(request.url ?? '/', 'http://127.0.0.1')))
      response
        .writeHead(answer.status, Object.fromEntries(answer.headers))
        .end(new Uint8Array(await answer.arrayBuffer()))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const browser = await openBrowser(executablePath!, { width: 1280, height: 900, colorScheme: 'light' })
    const trouble: string[] = []
    try {
      const page = await browser.context.newPage()
      page.on('pageerror', (error) => trouble.push(String(error)))
      page.on('console', (message) => {
        if (message.type() === 'error' && !message.text().includes('status of 404')) trouble.push(message.text())
      })
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
      await page.getByRole('note').filter({ hasText: 'This is a still of the page' }).waitFor()
      expect(await page.locator('.stations').isVisible()).toBe(true)
      expect(await page.getByRole('button').count()).toBe(0)
      expect(trouble).toEqual([])
    } finally {
      await browser.close()
      server.close()
    }
  })
})
