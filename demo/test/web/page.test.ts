/** The page in Chromium: two people, their tokens, and their rows. */

import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { withConnection } from '../../../packages/rowpass/src/database/connect.ts'
import { findChromium } from '../../../packages/rowpass/test/support/browser.ts'
import { openPage, type Scene, sideOf, startScene } from './scene.ts'

const executablePath = await findChromium()
const [david, priya] = [0, 1] as const

describe.skipIf(executablePath === undefined)('the page, in Chromium', { timeout: 120_000 }, () => {
  let scene: Scene
  let page: Page

  beforeAll(async () => {
    scene = await startScene(executablePath!)
  }, 180_000)
  afterAll(() => scene.close())
  beforeEach(async () => {
    page = await scene.open()
  }, 60_000)
  afterEach(async () => {
    await page.close()
    scene.expectQuiet()
  })

  const open = () => openPage(page, scene)
  const side = (index: 0 | 1) => sideOf(page, index)

  describe('two people', () => {
    it('are side by side, each with the rows of their token, above the fold', async () => {
      await open()
      const own = await side(david).rows('users')
      expect(own).toEqual([expect.stringMatching(/^2e7e25 youf330c5david@neon\.exampleDavidmember\d{4}-/)])
      expect(await side(david).rows('tenants')).toEqual([expect.stringMatching(/^f330c5Neon/)])
      expect((await side(priya).rows('users')).join()).not.toContain('neon')
      for (const index of [david, priya]) {
        const box = await side(index).table('tenants').boundingBox()
        expect(box!.y + box!.height).toBeLessThanOrEqual(900)
      }
      expect((await side(david).root.boundingBox())!.y).toBe((await side(priya).root.boundingBox())!.y)
    })

    it('have the buttons of each row in reach', async () => {
      await open()
      const outside = await page.locator('.rows .scroll').evaluateAll((tables) =>
        tables.flatMap((table) => {
          const edge = table.getBoundingClientRect().right
          const buttons = [...table.querySelectorAll('.acts button')]
          return buttons.filter((each) => each.getBoundingClientRect().right > edge).map((each) => each.ariaLabel)
        }),
      )
      expect(outside).toEqual([])
      expect(await page.locator('.acts button').count()).toBeGreaterThan(6)
    })

    it('have a decoded token, whose time runs and whose signature is checked here', async () => {
      await open()
      const { part } = side(david)
      expect(JSON.parse(await part('payload').inputValue())).toMatchObject({ role: 'member', aud: 'rowpass' })
      expect(JSON.parse((await part('header').textContent())!)).toMatchObject({ alg: 'ES256', typ: 'at+jwt' })
      expect(await part('expiry').textContent()).toMatch(/^Expires in 1[45]:\d\d$/)
      await part('check').filter({ hasText: 'Signature checked here: fits key' }).waitFor()
      expect(await part('claims').textContent()).toContain('tenant_idNeon')
    })

    it('are told how many rows are hidden, and by which policy', async () => {
      await open()
      await side(david).table('users').locator('.why').filter({ hasText: '11 rows hidden by users_select' }).waitFor()
    })

    it('show tables of the schema that the page has never heard of', async () => {
      const { ownerUrl } = scene.stack.database
      await withConnection(ownerUrl, (client) =>
        client.query(`create table public.parcels (id int primary key, owner_id uuid not null, weight int, depth int, height int, label text, note text);
          alter table public.parcels enable row level security;
          create policy parcels_own on public.parcels to authenticated using (owner_id = auth.user_id()::uuid);
          grant select on public.parcels to authenticated;
          insert into public.parcels values (1, '2e7e25e8-5445-40bd-8f89-dc19bba64faa', 7), (2, gen_random_uuid(), 9)`),
      )
      try {
        await page.goto(scene.worker.url.href)
        await side(david).verdict('David sees 1 parcel, 1 user, 0 memberships, 1 tenant.')
        await side(priya).verdict('Priya Raman sees 0 parcels, 3 users,')
        expect(await side(david).table('parcels').getByRole('button').count()).toBe(0)
      } finally {
        await withConnection(ownerUrl, (client) => client.query('drop table public.parcels'))
      }
    })

    it('add, edit and delete what their policies let them', async () => {
      await open()
      const users = side(priya).table('users')
      await users.getByRole('button', { name: 'Add' }).click()
      await users.locator('input[name="email"]').fill('zoe@other.example')
      await users.locator('input[name="name"]').fill('Zoe')
      await users.getByRole('button', { name: 'Save' }).click()
      await side(priya).verdict('Priya Raman sees 4 users')
      await users.getByRole('button', { name: 'Edit Zoe' }).click()
      await users.locator('input[name="name"]').fill('Zoe Lund')
      await page.keyboard.press('Enter')
      await users.getByRole('button', { name: 'Delete Zoe Lund' }).click()
      await side(priya).verdict('Priya Raman sees 3 users')
    })

    it('are refused by a policy that has a name, and told which', async () => {
      await open()
      const users = side(david).table('users')
      await users.getByRole('button', { name: 'Add' }).click()
      await users.getByRole('button', { name: 'Save' }).click()
      await users.locator('.says').filter({ hasText: 'refused by users_insert' }).waitFor()
      await users.getByRole('button', { name: 'Delete David' }).click()
      await users.locator('.says').filter({ hasText: 'users_delete' }).waitFor()
    })
  })

  describe('a token', () => {
    it('that was edited does not fit, is refused, and is good again when the edit is undone', async () => {
      await open()
      const { part, root, verdict } = side(david)
      await root.locator('summary').click()
      const payload = await part('payload').inputValue()
      await part('payload').fill(payload.replace('"member"', '"admin'))
      expect(await part('send').isDisabled()).toBe(true)
      expect(await part('complaint').textContent()).toContain('not a JSON object')
      await part('payload').fill(payload.replace('"member"', '"admin"'))
      await part('check').filter({ hasText: 'does not fit' }).waitFor()
      await part('send').click()
      await verdict('Refused. No row was read.')
      expect(await root.locator('.refusal').textContent()).toMatch(/Stopped by the gateway, verifying the token/)
      expect(await root.locator('.rows').count()).toBe(0)
      await part('undo').click()
      await verdict('David sees 1 user')
      // Other white space is not another payload.
      await part('payload').fill(payload.replaceAll(/\s/g, ''))
      await part('send').click()
      await verdict('David sees 1 user')
    })

    it('that has expired is said to be, and another one is taken', async () => {
      await page.clock.install()
      await open()
      const { part } = side(david)
      await page.clock.fastForward('15:01')
      await part('expiry').filter({ hasText: 'Expired' }).waitFor()
      await page.clock.setSystemTime(Date.now())
      await part('renew').click()
      await part('expiry').filter({ hasText: 'Expires in 1' }).waitFor()
    })

    it('that comes late is not shown over that of a later choice', async () => {
      await open()
      const { part, verdict } = side(david)
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
      await part('persona').selectOption({ label: 'Amara Obi, admin of Neon' })
      await part('persona').selectOption({ label: 'Juno Park, admin of Kestrel Cycles' })
      await verdict('Juno Park sees 2 users')
      release()
      await ended
      await page.evaluate(() => fetch('/api/personas').then((response) => response.text()))
      expect(await part('verdict').textContent()).toContain('Juno Park sees 2 users')
      expect(await part('payload').inputValue()).toContain('3ecaaeee-4ae7-4c8e-8edc-2cfe00aa2c35')
    })

    it('is copied with a command that gives the same answer', async () => {
      const { origin } = scene.worker.url
      await scene.browser.context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin })
      await open()
      const { part, root } = side(priya)
      await root.locator('summary').click()
      await part('copy').click()
      await part('copy').filter({ hasText: 'Copied' }).waitFor()
      const command = await page.evaluate(() => navigator.clipboard.readText())
      const [, url, token, body] =
        /^curl (\S+) -H 'Authorization: (Bearer [\w.-]+)' -H 'Content-Type: application\/json' -d '([^']+)'$/.exec(
          command,
        )!
      const headers = { Authorization: token!, 'Content-Type': 'application/json' }
      const response = await fetch(url!, { method: 'POST', headers, body: body! })
      expect(await response.json()).toMatchObject({ rowCount: 3 })
    })
  })

  describe('the journey', () => {
    it('has the measured time of each step of the last request, and its plan', async () => {
      await open()
      await side(david)
        .part('send')
        .evaluate((control) => (control as HTMLButtonElement).click())
      const step = (name: string) => page.locator(`#journey [data-part="${name}"]`)
      await step('request')
        .filter({ hasText: /^David: select id, tenant_id/ })
        .waitFor()
      for (const name of ['api', 'verify', 'seal', 'judge', 'postgres', 'total']) {
        expect([name, await step(name).textContent()]).toEqual([name, expect.stringMatching(/^[\d.]+ ms$/)])
      }
      await step('plan')
        .filter({ hasText: /on users: .*tenant_id/ })
        .waitFor()
      expect(await step('outcome').textContent()).toMatch(/^1 row in/)
    })

    it('ends where the request was stopped', async () => {
      await open()
      await page.getByRole('button', { name: 'RESET ROLE' }).click()
      await page.locator('#journey .stopped').filter({ hasText: 'judged' }).waitFor()
      expect(await page.locator('#journey .unreached').allTextContents()).toEqual([
        expect.stringContaining('waited'),
        expect.stringContaining('policies applied'),
      ])
    })
  })

  it('can be used by keyboard alone', async () => {
    await open()
    const { part, root, verdict } = side(david)
    await part('persona').focus()
    await page.keyboard.type('Amara')
    await verdict('Amara Obi sees 4 users')
    for (let presses = 0; presses < 2; presses += 1) await page.keyboard.press('Tab')
    expect(await root.locator('summary').evaluate((summary) => summary === document.activeElement)).toBe(true)
    await page.keyboard.press('Enter')
    await part('payload').waitFor({ state: 'visible' })
  })

  it('says so when the API is away', async () => {
    await open()
    await page.route('**/demo/sql', (route) => route.abort())
    await side(david).root.locator('summary').click()
    await side(david).part('send').click()
    await side(david).verdict('The API cannot be reached. Is it running?')
    await page.route('**/api/token?*', (route) => route.abort())
    await side(priya).part('renew').click()
    await side(priya).verdict('The sign-in cannot be reached. Is it running?')
    await page.route('**/api/personas', (route) => route.abort())
    await page.reload()
    await page.getByRole('alert').filter({ hasText: 'The API cannot be reached' }).waitFor()
    expect(scene.takeTrouble().filter((each) => !each.includes('ERR_FAILED'))).toEqual([])
  })
})
