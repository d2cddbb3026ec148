/**
 * The page on a whole stack: keys in a ring of the database, a gateway that tells its times, who answers for the page, the
 * Worker, and a browser.
 */
import { createHash } from 'node:crypto'
import type { Locator, Page } from 'playwright-core'
import { expect } from 'vitest'
import { type Showcase, startShowcase } from '../../../packages/local/src/showcase.ts'
import { parseIssuers } from '../../../packages/rowpass/src/gateway/issuers.ts'
import { generateEncryptionKey } from '../../../packages/rowpass/src/issuer/ring/encryption.ts'
import { createVerifier } from '../../../packages/rowpass/src/token/verifier.ts'
import { openBrowser } from '../../../packages/rowpass/test/support/browser.ts'
import { openRing, type Stack, startStack } from '../stack.ts'
import { type RunningWorker, startWorker } from '../worker.ts'

/** What the browser may complain of: it logs each refusal by itself. A violated policy is logged too, and is not among them. */
const refusals = /status of (400|401|404|409|422|503)/

/** The running page. */
export interface Scene {
  readonly stack: Stack
  readonly worker: RunningWorker
  readonly browser: Awaited<ReturnType<typeof openBrowser>>
  /** A tab whose errors and hosts are watched. */
  open(): Promise<Page>
  /** What went wrong in tabs since the last time. */
  takeTrouble(): string[]
  /** Fails for any of it, and for a request to another host. */
  expectQuiet(): void
  close(): Promise<void>
}

/** Starts it on free ports of 127.0.0.1. */
export async function startScene(executablePath: string): Promise<Scene> {
  const secret = generateEncryptionKey('page')
  const stack = await startStack({ ROWPASS_SERVER_TIMING: 'true' }, 'gateway', secret)
  const showcase = await startShowcaseOf(stack, secret)
  const worker = await startWorker({ ...stack, bindings: { ...stack.bindings, ...showcase.bindings } })
  await untilSteady(worker)
  const browser = await openBrowser(executablePath, { width: 1280, height: 900, colorScheme: 'light' })
  const trouble: string[] = []
  const hosts = new Set<string>()
  return {
    stack,
    worker,
    browser,
    async open() {
      const page = await browser.context.newPage()
      page.setDefaultTimeout(60_000)
      page.on('pageerror', (error) => trouble.push(String(error)))
      page.on('console', (message) => {
        if (message.type() === 'error' && !refusals.test(message.text())) trouble.push(message.text())
      })
      page.on('request', (request) => hosts.add(new URL(request.url()).host))
      return page
    },
    takeTrouble: () => trouble.splice(0),
    expectQuiet() {
      expect(trouble.splice(0)).toEqual([])
      expect([...hosts].filter((host) => host !== worker.url.host)).toEqual([])
    },
    async close() {
      await browser.close()
      await worker.close()
      await showcase.close()
      await stack.close()
    },
  }
}

/** Wrangler restarts the Worker once after it is ready, and answers a POST that meets this with 503. */
async function untilSteady({ url }: RunningWorker): Promise<void> {
  for (let refused = 0; refused < 5; await new Promise((resolve) => setTimeout(resolve, 200))) {
    const { status } = await fetch(new URL('/demo/sql', url), { method: 'POST' })
    refused = status === 401 ? refused + 1 : 0
  }
}

/** As `rowpass dev` starts it. */
export function startShowcaseOf({ issuers, database }: Stack, secret?: string): Promise<Showcase> {
  const sha256 = (text: string) => createHash('sha256').update(text).digest('base64')
  return startShowcase({
    databaseUrl: database.superuserUrl,
    verifier: createVerifier(parseIssuers(issuers), { sha256, allowPrivateNetwork: true }),
    openRing: secret === undefined ? undefined : () => openRing(database, secret),
  })
}

/** The parts of one side. */
export function sideOf(page: Page, side: 0 | 1) {
  const root = page.locator('.person').nth(side)
  const part = (name: string) => root.locator(`[data-part="${name}"]`)
  const table = (name: string) => root.locator(`.rows[aria-label="${name}"]`)
  return {
    root,
    part,
    table,
    verdict: (text: string | RegExp) => part('verdict').filter({ hasText: text }).waitFor(),
    /** Rows as text, without the signs of the buttons. */
    rows: (name: string) => rowsOf(table(name)),
  }
}

async function rowsOf(table: Locator): Promise<string[]> {
  const texts = await table.locator('tbody tr').evaluateAll((rows) => rows.map((row) => row.textContent ?? ''))
  return texts.map((text) => text.replaceAll(/[✎✕]/gu, ''))
}

/** Opens the page and waits for the rows of both. */
export async function openPage(page: Page, scene: Scene): Promise<void> {
  await page.goto(scene.worker.url.href)
  await sideOf(page, 0).verdict('David sees 1 user, 0 memberships, 1 tenant.')
  await sideOf(page, 1).verdict(/^Priya Raman sees \d users, 2 memberships, 1 tenant\./)
}
