/** What is done to the two people of the page, in Chromium; that everybody can use it; and its pictures. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { findChromium } from '../../../packages/rowpass/test/support/browser.ts'
import { openPage, type Scene, sideOf, startScene } from './scene.ts'

const executablePath = await findChromium()

describe.skipIf(executablePath === undefined)('the stories of the page, in Chromium', { timeout: 180_000 }, () => {
  let scene: Scene
  let page: Page

  beforeAll(async () => {
    scene = await startScene(executablePath!)
  }, 180_000)
  afterAll(() => scene.close())
  beforeEach(async () => {
    page = await scene.open()
    await openPage(page, scene)
  }, 120_000)
  afterEach(async () => {
    await page.close()
    scene.expectQuiet()
  })

  const result = () => page.locator('#break-it [data-part="result"]')

  const drawMatrix = async () => {
    await page.locator('#matrix').scrollIntoViewIfNeeded()
    await page.locator('.cell').first().waitFor()
  }

  describe('break it', () => {
    it.each([
      ['Edit a claim', 'stopped by the gateway, verifying the token', 'token_invalid'],
      ['Send an expired token', 'stopped by the gateway, verifying the token: its time is over', 'token_expired'],
      ['Sign with a key of my own', 'stopped by the gateway, verifying the token', 'token_invalid'],
      ['RESET ROLE', 'stopped by the gateway, judging the statement', 'SET or RESET is not allowed'],
      ['set_config(…)', 'stopped by the gateway, judging the statement', 'set_config() is not allowed'],
      ['select * from users', 'not stopped: 1 row', 'hidden from authenticated by users_select'],
      ['EXPLAIN ANALYZE', 'stopped by the gateway, judging the statement', 'EXPLAIN is not allowed'],
      ['Inject a statement', 'stopped by the gateway, reading the statement', 'multiple commands'],
      ['Add a row to the other tenant', 'stopped by PostgreSQL, by a policy', 'users_insert'],
    ])('says who stopped it: %s', async (name, verdict, evidence) => {
      await page.getByRole('button', { name, exact: true }).click()
      await result().filter({ hasText: verdict }).filter({ hasText: evidence }).waitFor()
    })

    it('runs SQL of my own, as whom I choose', async () => {
      await page.locator('input[name="attacker"]').nth(1).check()
      await page.locator('[data-part="sql"]').fill('select email from users order by email')
      await page.keyboard.press('Control+Enter')
      await result().filter({ hasText: 'employee@other.example' }).waitFor()
      expect(await result().locator('tbody tr').allTextContents()).toEqual([
        'employee@other.example',
        'priya@other.example',
        'tomas@other.example',
      ])
    })
  })

  it('nobody is refused while the signing key is rotated; an ended session is', async () => {
    const live = page.locator('#live')
    const lane = (index: number) => live.locator('.lane').nth(index)
    const keyOf = async (index: number) => /key (\w+)/.exec((await lane(index).textContent())!)?.[1]
    await live.getByRole('button', { name: 'Send requests' }).click()
    await lane(1)
      .filter({ hasText: /\d sent, 0 refused/ })
      .waitFor()
    const before = await keyOf(1)
    await live.getByRole('button', { name: 'Rotate the signing key' }).click()
    await live.getByText('Since now').waitFor()
    await page.waitForFunction(
      (kid) => [...document.querySelectorAll('.lane')].every((each) => !each.textContent?.includes(`key ${kid}`)),
      before,
    )
    for (const index of [0, 1]) expect(await lane(index).textContent()).toContain(' 0 refused')
    await live.getByRole('button', { name: 'End the session of David' }).click()
    await lane(0).filter({ hasText: 'session_revoked' }).waitFor()
    expect(await lane(1).textContent()).toContain(' 0 refused')
    await live.getByRole('button', { name: 'Stop' }).click()
  })

  it('the matrix of the live schema is drawn, and a cell says why', async () => {
    await drawMatrix()
    const cell = (name: string) => page.getByRole('button', { name })
    expect(await cell('David, select on users:').textContent()).toBe('1 of 12')
    expect(await cell('Priya Raman, insert on users:').textContent()).toContain('own tenant')
    const alarms = await page.locator('.cell.alarm').evaluateAll((cells) => cells.map((each) => each.ariaLabel))
    // People see their own memberships in whichever tenant, and may leave.
    expect(alarms.filter((label) => !/^Priya Raman, (select|delete) on memberships:/.test(label ?? ''))).toEqual([])
    await cell('David, select on users:').click()
    const detail = page.locator('#matrix [data-part="detail"]')
    await detail.filter({ hasText: 'users_select' }).filter({ hasText: 'What happened' }).waitFor()
  })

  it('has no door for agents where the gateway has none', async () => {
    expect(await page.evaluate(() => fetch('/demo/agents').then((answer) => answer.json()))).toEqual({ url: null })
    expect(await page.locator('#agents').isHidden()).toBe(true)
    expect(await page.getByRole('link', { name: 'Agents' }).count()).toBe(0)
  })

  describe('for everybody', () => {
    const axe = readFileSync(new URL(import.meta.resolve('axe-core')), 'utf8')

    it.each([
      [1280, 'light'],
      [1280, 'dark'],
      [390, 'light'],
      [390, 'dark'],
    ] as const)('fits and can be read at %i px, %s', async (width, colorScheme) => {
      await page.setViewportSize({ width, height: width === 390 ? 844 : 900 })
      await page.emulateMedia({ colorScheme })
      await sideOf(page, 0).root.locator('summary').click()
      await page.getByRole('button', { name: 'Edit a claim' }).click()
      await result().filter({ hasText: 'stopped by' }).waitFor()
      await drawMatrix()
      await page.locator('.cell').first().click()
      await page.mouse.move(0, 0)
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width)
      await page.evaluate(axe)
      const violations = await page.evaluate(async () => {
        // biome-ignore lint/suspicious/noExplicitAny: what axe-core defines in the page
        const found = await (globalThis as any).axe.run(document, { resultTypes: ['violations'] })
        return found.violations.map((each: { id: string; nodes: { html: string }[] }) => [each.id, each.nodes[0]?.html])
      })
      expect(violations).toEqual([])
    })

    it('keeps its place when the other side is switched to on a phone', async () => {
      await page.setViewportSize({ width: 390, height: 844 })
      await sideOf(page, 0).table('memberships').scrollIntoViewIfNeeded()
      await page.evaluate(() => scrollTo(0, 700))
      const where = () => page.evaluate(() => [scrollY, document.body.scrollHeight])
      const before = await where()
      const other = page.locator('.switch input').nth(1)
      const box = (await other.boundingBox())!
      expect(box.y).toBeLessThan(80)
      // Not `click()`, which scrolls to where the switch would be that did not stick.
      await page.mouse.click(box.x + 20, box.y + 10)
      expect(await sideOf(page, 1).root.isVisible()).toBe(true)
      expect(await sideOf(page, 0).root.isVisible()).toBe(false)
      expect(await where()).toEqual(before)
    })
  })

  it('each story has a picture', async () => {
    const given = process.env.PICTURES
    const folder = given ?? mkdtempSync(join(tmpdir(), 'rowpass-pictures-'))
    mkdirSync(folder, { recursive: true })
    const sizes: Record<string, number> = {}
    const take = async (name: string, part?: string) => {
      const target = part === undefined ? page : page.locator(part)
      sizes[name] = (await target.screenshot({ path: join(folder, `${name}.png`), animations: 'disabled' })).length
    }
    try {
      await page.locator('.why').filter({ hasText: 'hidden by' }).first().waitFor()
      await page.locator('#journey [data-part="plan"]').filter({ hasText: 'Scan' }).waitFor()
      await take('people')
      await page.getByRole('button', { name: 'Add a row to the other tenant' }).click()
      await result().filter({ hasText: 'users_insert' }).waitFor()
      await take('break-it', '#break-it')
      await drawMatrix()
      await page.getByRole('button', { name: 'David, update on users:' }).click()
      await take('matrix', '#matrix')
      await page.getByRole('button', { name: 'Send requests' }).click()
      await page
        .locator('.lane')
        .nth(1)
        .filter({ hasText: /\d\d sent/ })
        .waitFor()
      await page.getByRole('button', { name: /^End the session/ }).click()
      await page.locator('.lane.over').waitFor()
      await take('live', '#live')
      await page.setViewportSize({ width: 390, height: 844 })
      await page.emulateMedia({ colorScheme: 'dark' })
      await page.evaluate(() => scrollTo(0, 0))
      await take('phone')
      // A blank one has some 5 KB.
      for (const [name, bytes] of Object.entries(sizes)) expect([name, bytes > 10_000]).toEqual([name, true])
      expect(Object.keys(sizes)).toHaveLength(5)
    } finally {
      if (given === undefined) rmSync(folder, { recursive: true })
    }
  })
})
