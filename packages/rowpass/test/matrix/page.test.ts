import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Command } from '../../src/access/catalog/catalog.ts'
import type { Cell, CellVerdict, Matrix } from '../../src/matrix/cell.ts'
import { renderPage } from '../../src/matrix/page.ts'
import { findChromium, openBrowser } from '../support/browser.ts'
import { findFaintText } from '../support/contrast.ts'

const executablePath = await findChromium()

const hostile = `</script><img src=x onerror="document.title='broken'">'"&`

function cell(command: Command, verdict: CellVerdict, more: Partial<Cell> = {}): Cell {
  return { command, verdict, reached: {}, crossTenant: false, policies: [], attempts: [], notes: [], ...more }
}

const sql = 'delete from public.notes'
const reached = { own: 3, other: 5 }
const matrix: Matrix = {
  version: 1,
  database: `shop ${hostile}`,
  server: '18.4',
  startedAt: '2026-11-25T18:00:00.000Z',
  seconds: 1.2,
  mode: 'tried',
  subjects: [
    { name: hostile, role: 'authenticated', claims: { sub: hostile }, tenants: ['a'] },
    { name: 'nobody', role: 'anonymous', claims: {}, tenants: [] },
  ],
  notes: ['Tenant column: tenant_id.'],
  tables: [
    {
      name: 'public.notes',
      kind: 'table',
      rowSecurity: 'on',
      rows: 8,
      tenantColumn: 'tenant_id',
      notes: [],
      lines: [
        {
          subject: hostile,
          there: reached,
          cells: {
            select: cell('select', 'rows', { reached: { own: 3 } }),
            insert: cell('insert', 'untried', { notes: ['The trigger t would be fired.'] }),
            update: cell('update', 'rows', { reached: { own: 3 }, move: 'done', crossTenant: true }),
            delete: cell('delete', 'rows', {
              reached,
              crossTenant: true,
              policies: [hostile],
              attempts: [
                { sql, says: 'count the rows that can be removed', outcome: 'done', rows: 8 },
                {
                  sql,
                  says: 'remove row 1 of 3 of the own tenant',
                  outcome: 'constraint',
                  error: hostile,
                  sqlstate: '23503',
                },
              ],
              notes: [hostile],
            }),
          },
        },
        {
          subject: 'nobody',
          there: { other: 8 },
          cells: {
            select: cell('select', 'none'),
            insert: cell('insert', 'policy'),
            update: cell('update', 'error'),
            delete: cell('delete', 'grant'),
          },
        },
      ],
    },
    {
      name: 'private.keys',
      kind: 'table',
      rowSecurity: 'off',
      rows: 2,
      tenantColumn: undefined,
      notes: [],
      lines: [hostile, 'nobody'].map((subject) => ({
        subject,
        there: { any: 2 },
        cells: {
          select: cell('select', 'grant'),
          insert: cell('insert', 'grant'),
          update: cell('update', 'grant'),
          delete: cell('delete', 'grant'),
        },
      })),
    },
  ],
}

describe.skipIf(executablePath === undefined)('the page of a matrix, in Chromium', () => {
  let browser: Awaited<ReturnType<typeof openBrowser>>
  let page: Page
  let directory: string
  let url: string
  const trouble: string[] = []
  const requests = new Set<string>()

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'rowpass-matrix-'))
    const file = join(directory, 'matrix.html')
    writeFileSync(file, renderPage(matrix))
    url = pathToFileURL(file).href
    browser = await openBrowser(executablePath!, { width: 1280, height: 900, colorScheme: 'light' })
  })
  afterAll(async () => {
    await browser.close()
    rmSync(directory, { recursive: true, force: true })
  })

  beforeEach(async () => {
    page = await browser.context.newPage()
    page.on('pageerror', (error) => trouble.push(String(error)))
    page.on('console', (message) => trouble.push(message.text()))
    page.on('request', (request) => requests.add(request.url().replace(/#.*/, '')))
    await page.goto(url)
  })
  afterEach(async () => {
    await page.close()
    expect(trouble.splice(0)).toEqual([])
    expect([...requests]).toEqual([url])
  })

  const visibleRows = () => page.locator('section.table tbody tr:visible').count()

  it('shows text of the database as text', async () => {
    expect(await page.title()).toBe(`Access matrix of shop ${hostile}`)
    expect(await page.locator('img').count()).toBe(0)
    expect(await page.locator('h1').textContent()).toBe(`Who may do what in shop ${hostile}`)
    expect(await page.locator('section.table th[scope=row]').first().textContent()).toBe(hostile)
  })

  it('begins with what crosses tenants, and leads to it', async () => {
    const verdict = page.locator('.verdict.bad')
    expect(await verdict.locator('h2').textContent()).toBe('2 cells give access across tenants')
    expect(await verdict.locator('li li').count()).toBe(2)
    await verdict.locator('a').last().click()
    expect(await page.locator('dialog h2').textContent()).toBe('DELETE on public.notes')
  })

  it('shows of a cell how it was tried, by keyboard too', async () => {
    await page.locator('#c-0-0-delete').focus()
    await page.keyboard.press('Enter')
    const dialog = page.locator('dialog[open]')
    expect(await dialog.locator('.sentence').textContent()).toBe(
      '8 rows of 8: 3 of the own tenant, 5 of another tenant.',
    )
    expect(await dialog.locator('.policies code').allTextContents()).toEqual([hostile])
    expect(await dialog.locator('.attempt p b').allTextContents()).toEqual(['counted, 8 rows', 'constraint'])
    expect(await dialog.locator('.attempt .error').textContent()).toBe(`23503 ${hostile}`)
    await page.keyboard.press('Escape')
    expect(await dialog.count()).toBe(0)
    expect(await page.locator('#c-0-0-delete').evaluate((button) => button === document.activeElement)).toBe(true)
  })

  it('filters by identity, table, and what crosses tenants', async () => {
    expect(await visibleRows()).toBe(2)
    await page.locator('select').selectOption('1')
    expect(await visibleRows()).toBe(1)
    await page.locator('select').selectOption('')
    await page.locator('input[type=search]').fill('KEYS')
    expect(await page.locator('section.table:visible h2').allTextContents()).toEqual(['private.keys'])
    expect(await page.locator('output').textContent()).toBe('1 of 2 tables')
    await page.locator('input[type=search]').fill('')
    await page.locator('input[type=checkbox]').check()
    expect(await visibleRows()).toBe(1)
  })

  it('says in words what colours say', async () => {
    const names = await page
      .locator('section.table tbody tr')
      .first()
      .locator('button')
      .evaluateAll((all) => all.map((it) => it.textContent))
    expect(names).toEqual(['3 of 8', 'not tried', '3 of 8can be moved', '8 of 85 of another tenant'])
    const label = await page.locator('#c-0-1-delete').getAttribute('aria-label')
    expect(label).toBe('nobody, DELETE on public.notes: no privilege. Details')
  })

  it.each([
    [1280, 'light'],
    [1280, 'dark'],
    [390, 'light'],
    [390, 'dark'],
  ] as const)('fits and can be read at %i px, %s', async (width, colorScheme) => {
    await page.setViewportSize({ width, height: 844 })
    await page.emulateMedia({ colorScheme })
    await page.reload()
    await page.locator('summary').click()
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width)
    expect(await page.evaluate(findFaintText)).toEqual([])
    await page.locator('#c-0-0-delete').click()
    expect(await page.locator('dialog').evaluate((dialog) => dialog.scrollWidth <= dialog.clientWidth)).toBe(true)
    expect(await page.evaluate(findFaintText)).toEqual([])
  })

  it('prints without what is only for a screen', async () => {
    await page.emulateMedia({ media: 'print' })
    expect(await page.locator('.controls').isVisible()).toBe(false)
    expect(await page.locator('section.table').first().isVisible()).toBe(true)
  })
})
