import type { Locator, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { findChromium, openBrowser } from '../../../packages/rowpass/test/support/browser.ts'
import { findFaintText } from '../../../packages/rowpass/test/support/contrast.ts'
import { type Stack, startStack } from '../stack.ts'
import { type RunningWorker, startWorker } from '../worker.ts'

const executablePath = await findChromium()
const desktop = { width: 1280, height: 900, colorScheme: 'light' } as const

describe.skipIf(executablePath === undefined)('the page, in Chromium', () => {
  let stack: Stack
  let worker: RunningWorker
  let browser: Awaited<ReturnType<typeof openBrowser>>
  let page: Page

  beforeAll(async () => {
    stack = await startStack()
    worker = await startWorker(stack)
    browser = await openBrowser(executablePath!, desktop)
  })

  afterAll(async () => {
    await browser.close()
    await worker.close()
    await stack.close()
  })

  const trouble: string[] = []
  const hosts = new Set<string>()

  const watch = (watched: Page) => {
    watched.on('pageerror', (error) => trouble.push(String(error)))
    watched.on('console', (message) => {
      // The browser logs each 401 by itself; a violated policy is logged too, and fails the test.
      if (message.type() === 'error' && !message.text().includes('status of 401')) trouble.push(message.text())
    })
    watched.on('request', (request) => hosts.add(new URL(request.url()).host))
    return watched
  }

  beforeEach(async () => {
    page = watch(await browser.context.newPage())
  })

  afterEach(async () => {
    await page.close()
    expect(trouble.splice(0)).toEqual([])
    expect([...hosts]).toEqual([worker.url.host])
  })

  const panel = (index: number) => page.locator('.panel').nth(index)
  const part = (index: number, name: string) => panel(index).locator(`[data-part="${name}"]`)
  const cells = (table: Locator) => table.locator('tbody tr').evaluateAll((rows) => rows.map((row) => row.textContent))
  const verdict = (index: number, text: string | RegExp) => part(index, 'verdict').filter({ hasText: text }).waitFor()

  const open = async () => {
    await page.goto(worker.url.href)
    await verdict(0, 'David sees 1 tenant and 1 user.')
    await verdict(1, 'Priya Raman sees 1 tenant and 3 users.')
  }

  it('shows to each of two people the rows of their token', async () => {
    await open()
    expect(await cells(panel(0).locator('table').nth(1))).toEqual(['David youdavid@neon.examplemember'])
    expect(await cells(panel(0).locator('table').nth(0))).toEqual(['Neonf330c503-5e9c-46a7-8393-2995aeb03675'])
    expect((await cells(panel(1).locator('table').nth(1))).join()).not.toContain('neon')
    expect(JSON.parse(await part(0, 'payload').inputValue())).toMatchObject({ role: 'member', aud: 'rowpass' })
    expect(JSON.parse((await part(0, 'header').textContent())!)).toMatchObject({ alg: 'ES256', typ: 'at+jwt' })
    expect(await part(0, 'expiry').textContent()).toMatch(/^Expires in 1[45]:\d\d$/)
  })

  it.each(['try-tenant', 'try-role'])(
    'shows the refusal of an edited claim, and the rows again without it: %s',
    async (name) => {
      await open()
      await part(0, name).click()
      await verdict(0, 'Refused. No row was read.')
      const refusal = panel(0).locator('.refusal')
      expect(await refusal.textContent()).toMatch(/^401 token_invalidThe token was refused\./)
      expect(await refusal.textContent()).toContain('WWW-Authenticate: Bearer realm="rowpass", error="invalid_token"')
      expect(await panel(0).locator('table').count()).toBe(0)
      expect(await part(1, 'verdict').textContent()).toContain('3 users')
      const signature = await part(0, 'signature').textContent()
      await part(0, 'renew').click()
      await verdict(0, 'David sees 1 tenant and 1 user.')
      expect(await part(0, 'signature').textContent()).toBe(signature)
    },
  )

  it('sends a claim that was typed, and nothing while it is no JSON', async () => {
    await open()
    const payload = await part(0, 'payload').inputValue()
    await part(0, 'payload').fill(payload.replace('"member"', '"admin'))
    expect(await part(0, 'send').isDisabled()).toBe(true)
    expect(await part(0, 'complaint').textContent()).toContain('not a JSON object')
    await part(0, 'payload').fill(payload.replace('"member"', '"admin"'))
    await part(0, 'send').click()
    await verdict(0, 'Refused.')
    // Other white space is not another payload.
    await part(0, 'payload').fill(payload.replaceAll(/\s/g, ''))
    await part(0, 'send').click()
    await verdict(0, 'David sees 1 tenant and 1 user.')
  })

  it('can be used by keyboard alone', async () => {
    await open()
    await part(0, 'person').focus()
    await page.keyboard.type('Amara')
    await verdict(0, 'Amara Obi sees 1 tenant and 4 users.')
    for (let presses = 0; presses < 2; presses += 1) await page.keyboard.press('Tab')
    expect(await part(0, 'try-tenant').evaluate((button) => button === document.activeElement)).toBe(true)
    await page.keyboard.press('Enter')
    await verdict(0, 'Refused.')
  })

  it('shows the last choice when an earlier sign-in answers later', async () => {
    await open()
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    await page.route(/api\/token\?as=60ae8038/, async (route) => {
      await held
      await route.continue().catch(() => {})
    })
    const ended = Promise.race(
      (['requestfinished', 'requestfailed'] as const).map((event) =>
        page.waitForEvent(event as 'requestfinished', (request) => request.url().includes('as=60ae8038')),
      ),
    )
    await part(0, 'person').selectOption({ label: 'Amara Obi, admin of Neon' })
    await part(0, 'person').selectOption({ label: 'Juno Park, admin of Kestrel Cycles' })
    await verdict(0, 'Juno Park sees 1 tenant and 2 users.')
    release()
    await ended
    await page.evaluate(() => fetch('/api/personas').then((response) => response.text()))
    expect(await part(0, 'verdict').textContent()).toBe('Juno Park sees 1 tenant and 2 users.')
    expect(await part(0, 'payload').inputValue()).toContain('3ecaaeee-4ae7-4c8e-8edc-2cfe00aa2c35')
  })

  it('says when the token has expired, and takes a new one', async () => {
    await page.clock.install()
    await open()
    await page.clock.fastForward('15:01')
    await part(0, 'expiry').filter({ hasText: 'Expired' }).waitFor()
    await page.clock.setSystemTime(Date.now())
    await part(0, 'renew').click()
    await part(0, 'expiry').filter({ hasText: 'Expires in 1' }).waitFor()
  })

  it('copies a command that gives the same answer', async () => {
    await browser.context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: worker.url.origin })
    await open()
    await part(1, 'copy').click()
    await part(1, 'copy').filter({ hasText: 'Copied' }).waitFor()
    const command = await page.evaluate(() => navigator.clipboard.readText())
    const [, url, token] = /^curl (\S+) -H 'Authorization: (Bearer [\w.-]+)'$/.exec(command)!
    const response = await fetch(url!, { headers: { Authorization: token! } })
    expect(await response.json()).toMatchObject({ users: { length: 3 } })
  })

  it('says so when the API is away', async () => {
    await open()
    await page.route('**/api/tenants', (route) => route.abort())
    await part(0, 'send').click()
    await verdict(0, 'The API cannot be reached. Is it running?')
    await page.route('**/api/token?*', (route) => route.abort())
    await part(1, 'renew').click()
    await verdict(1, 'The sign-in cannot be reached. Is it running?')
    await page.route('**/api/personas', (route) => route.abort())
    await page.reload()
    await page.getByRole('alert').filter({ hasText: 'The API cannot be reached' }).waitFor()
    trouble.length = 0
  })

  it.each([
    [1280, 'light'],
    [1280, 'dark'],
    [360, 'light'],
    [360, 'dark'],
  ] as const)('fits and can be read at %i px, %s', async (width, colorScheme) => {
    await page.setViewportSize({ width, height: 800 })
    await page.emulateMedia({ colorScheme })
    await open()
    await part(0, 'try-tenant').click()
    await verdict(0, 'Refused.')
    await page.mouse.move(0, 0)
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width)
    expect(await page.locator('.table').evaluateAll((all) => all.every((it) => it.scrollWidth <= it.clientWidth))).toBe(
      true,
    )
    await page.waitForFunction(() => document.getAnimations().length === 0)
    expect(await page.evaluate(findFaintText)).toEqual([])
  })
})
