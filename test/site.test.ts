/** The site of the documents, as `npm run site` builds it: whole, without another host, and found by its own search. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import MiniSearch from 'minisearch'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findChromium, openBrowser } from '../packages/rowpass/test/support/browser.ts'
import { buildSite, outputOf } from '../tools/site/build.ts'
import { searchOptions } from '../tools/site/search-options.ts'
import { sidebar } from '../tools/site/sidebar.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'rowpass-site-'))
const pages = sidebar.flatMap((part) => part.pages)

const read = (path: string): string => readFileSync(join(folder, path), 'utf8')
const htmlFiles = (): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.html'))
const addresses = (html: string): { name: string; to: string }[] =>
  [...html.matchAll(/\b(href|src|srcset|action|poster|data)="([^"]*)"/g)].map(([, name = '', to = '']) => ({
    name,
    to,
  }))

beforeAll(() => buildSite(folder))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the site', () => {
  it('has every page of docs/ in its sidebar, once', () => {
    const written = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`)
    expect(pages.filter((page) => page.startsWith('docs/')).sort()).toEqual(written.sort())
    expect(htmlFiles().sort()).toEqual([...new Set(pages.map(outputOf))].sort())
  })

  it('leads only to pages and headings that are there', () => {
    const broken = htmlFiles().flatMap((file) =>
      addresses(read(file))
        .filter(({ to }) => !/^(https?|mailto|data):/.test(to))
        .filter(({ to }) => {
          const [path = '', anchor] = to.split('#', 2)
          const target = path === '' ? file : normalize(join(dirname(file), path))
          if (!existsSync(join(folder, target))) return true
          return anchor !== undefined && !read(target).includes(` id="${anchor}"`)
        })
        .map(({ to }) => `${file}: ${to}`),
    )
    expect(broken).toEqual([])
  })

  it('loads nothing from another host', () => {
    const loaded = htmlFiles().flatMap((file) => {
      const html = read(file)
      const links = [...html.matchAll(/<link[^>]*>/g)].flatMap(([tag]) => addresses(tag))
      return [...links, ...addresses(html).filter(({ name }) => name !== 'href')].map(({ to }) => to)
    })
    expect(loaded.length).toBeGreaterThan(pages.length)
    expect(loaded.filter((to) => /^([a-z]+:)?\/\//.test(to))).toEqual([])
    expect(read('style.css')).not.toMatch(/@import|url\(/)
  })

  it.each([
    ['new row violates row-level security policy', 'recipes/new-row-violates-policy.html'],
    ['permission denied for table', 'recipes/permission-denied.html'],
    ['clerk', 'recipes/clerk.html'],
    ['token_expired', 'errors.html#token_expired'],
    ['auth.claim_uuid', 'sql-functions.html#authclaim_uuid'],
    ['ROWPASS_POOL_SIZE', 'configuration.html'],
  ])('finds %j', (words, page) => {
    let text = ''
    new Function('searchIndex', read('search.js'))((given: string) => {
      text = given
    })
    const found = MiniSearch.loadJSON(text, searchOptions).search(words)
    expect(found.slice(0, 5).map(({ id }) => id)).toContain(page)
  })

  describe('in a browser', () => {
    let server: Server
    let address: string
    const types: Record<string, string> = {
      '.html': 'text/html',
      '.css': 'text/css',
      '.js': 'text/javascript',
      '.svg': 'image/svg+xml',
    }
    beforeAll(async () => {
      server = createServer((request, response) => {
        const path = new URL(request.url ?? '/', 'http://localhost').pathname.replace(/\/$/, '/index.html')
        response.setHeader('content-type', types[extname(path)] ?? 'application/octet-stream')
        response.end(readFileSync(join(folder, path)))
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    })
    afterAll(() => void server.close())

    it('is found through by the keyboard alone, and fits a telephone', { timeout: 120_000 }, async () => {
      const program = await findChromium()
      if (program === undefined) throw new Error('this machine has no Chromium: set CHROMIUM_PATH')
      const browser = await openBrowser(program, { width: 390, height: 844, colorScheme: 'dark' })
      try {
        const page = await browser.context.newPage()
        const foreign: string[] = []
        const problems: string[] = []
        page.on('request', (request) => request.url().startsWith(`${address}/`) || foreign.push(request.url()))
        page.on('pageerror', (error) => problems.push(error.message))
        page.on('console', (message) => message.type() === 'error' && problems.push(message.text()))
        const pictured = ['identity', 'seal', 'judgement', 'policies', 'keys'].map((name) => `/concepts/${name}.html`)
        for (const path of ['/', ...pictured, '/agents.html', '/library.html', '/errors.html']) {
          await page.goto(address + path)
          expect({ path, wider: await page.evaluate('document.documentElement.scrollWidth - innerWidth') }).toEqual({
            path,
            wider: 0,
          })
        }
        await page.keyboard.press('/')
        await page.keyboard.type('permission denied')
        await page.locator('#found a').first().waitFor()
        await page.keyboard.press('Enter')
        await page.waitForURL(/recipes\/permission-denied\.html/)
        expect({ foreign: foreign.filter((url) => !url.startsWith('data:')), problems }).toEqual({
          foreign: [],
          problems: [],
        })
      } finally {
        await browser.close()
      }
    })
  })
})
