/**
 * A Chromium for tests: CHROMIUM_PATH, the system's, or on Linux x64 the one that an npm package carries.
 */
import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BrowserContext, chromium } from 'playwright-core'

const systemPaths = [
  '/usr/bin/chromium',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/** The path of a Chromium, or undefined on a machine that has none. */
export async function findChromium(): Promise<string | undefined> {
  const installed = [process.env.CHROMIUM_PATH ?? '', ...systemPaths].find((path) => existsSync(path))
  if (installed !== undefined) return installed
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined
  return unpackChromium()
}

/**
 * The package unpacks itself into the temporary folder, and takes what is half there for whole: test files run at once.
 * Here it does so once, beside itself, and goes with the package.
 */
async function unpackChromium(): Promise<string> {
  const folder = fileURLToPath(new URL('unpacked', import.meta.resolve('@sparticuz/chromium')))
  const program = join(folder, 'chromium')
  if (existsSync(program)) return program
  const { default: carried } = await import('@sparticuz/chromium')
  const draft = mkdtempSync(`${folder}-`)
  const usual = process.env.TMPDIR
  process.env.TMPDIR = draft
  try {
    await carried.executablePath()
    renameSync(draft, folder)
  } catch (error) {
    // Another test file was faster.
    if (!existsSync(program)) throw error
  } finally {
    if (usual === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = usual
    rmSync(draft, { recursive: true, force: true })
  }
  return program
}

/** Opens a browser with a profile of its own. */
export async function openBrowser(
  executablePath: string,
  options: { width: number; height: number; colorScheme: 'light' | 'dark' },
): Promise<{ context: BrowserContext; close(): Promise<void> }> {
  const profile = mkdtempSync(join(tmpdir(), 'rowpass-browser-'))
  const { width, height, colorScheme } = options
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
    viewport: { width, height },
    colorScheme,
  })
  return {
    context,
    close: async () => {
      await context.close()
      rmSync(profile, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}
