/** docs/tutorial.md and the skill of the template, command by command, in an application as `npm create rowpass` writes it. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openForServer } from '../../local/src/postgres/data-folder.ts'
import { repository } from '../../rowpass/test/support/pg.ts'
import { emptyDatabase, missingLines, runBlocks } from '../../rowpass/test/support/walk-through.ts'

const folder = mkdtempSync(join(tmpdir(), 'rowpass-tutorial-'))

/** `npm create` runs the packed package, `npm install` gives what this repository has installed; the rest is npm's own. */
const asForAStranger = `\`\`\`sh
npm() {
  case "$1" in
    create) shift 2; node "${folder}/package/bin/create-rowpass.js" "$@" ;;
    install) ln -sfn "${repository}node_modules" node_modules ;;
    *) command npm "$@" ;;
  esac
}
npx() {
  local code=0
  command npx --no-install "$@" || code=$?
  [ $code = 0 ] || { [ "$1 $2" = "rowpass doctor" ] && [ $code = 1 ]; }
}
\`\`\`
`

const given = { NO_COLOR: '1', CI: 'true', npm_config_update_notifier: 'false' }

beforeAll(() => {
  openForServer(folder)
  const argv = ['pack', '--json', '--ignore-scripts', `--pack-destination=${folder}`]
  const [packed] = JSON.parse(
    execFileSync('npm', argv, { cwd: `${repository}packages/create-rowpass`, encoding: 'utf8' }),
  )
  execFileSync('tar', ['-xzf', packed.filename], { cwd: folder })
}, 60_000)
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))

const wrongOf = (blocks: Awaited<ReturnType<typeof runBlocks>>['blocks']) =>
  blocks.filter((block) => missingLines(block).length > 0).map((block) => ({ ...block, missing: missingLines(block) }))

describe('an application of one’s own', () => {
  it('docs/tutorial.md runs as it stands, and prints what it says', { timeout: 600_000 }, async () => {
    const page = readFileSync(`${repository}docs/tutorial.md`, 'utf8')
    const { blocks, code } = await runBlocks(asForAStranger + page, folder, given)
    expect(wrongOf(blocks)).toEqual([])
    expect({ code, output: code === 0 ? '' : blocks.map(({ output }) => output).join('\n') }).toEqual({
      code: 0,
      output: '',
    })
  })

  it('its README runs as it stands, from the doctor to a deployment that is rehearsed', {
    timeout: 300_000,
  }, async () => {
    const app = join(folder, 'my-app')
    const [, prove = '', neon = ''] = readFileSync(join(app, 'README.md'), 'utf8').split(/^(?=## (?:Prove|Put) it)/m)
    const runs = [
      await runBlocks(asForAStranger + prove, app, given),
      await runBlocks(asForAStranger + neon, app, given, emptyDatabase),
    ]
    const output = runs.flatMap(({ blocks }) => blocks.map((block) => block.output)).join('\n')
    expect({ codes: runs.map(({ code }) => code), output }).toEqual({ codes: [0, 0], output })
    expect(output).toMatch(
      /ISSUER_DATABASE_URL, PRIVATE_KEY, GATEWAY_URL are in \.dev\.vars[\s\S]*--dry-run: exiting now\./,
    )
  })

  it('the skill that comes with it runs as it stands, after the tutorial', { timeout: 600_000 }, async () => {
    const skill = readFileSync(join(folder, 'my-app/skills/write-policies/SKILL.md'), 'utf8')
    const { blocks, code } = await runBlocks(asForAStranger + skill, join(folder, 'my-app'), given)
    expect({ code, output: code === 0 ? '' : blocks.map(({ output }) => output).join('\n') }).toEqual({
      code: 0,
      output: '',
    })
    expect(blocks.map(({ output }) => output).join('')).toMatch(/Tests +2 passed/)
  })
})
