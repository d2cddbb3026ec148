/**
 * `npm run upgrade`: an older version of this repository and this checkout on one schema, rolled forward and back behind HAProxy
 * under load; see `upgrade/roll.ts`. What the older one needs is installed from its own lock file, in a temporary folder.
 *
 * Prints a table; exits 1 when a request was refused, not answered or answered wrongly, when a write that was acknowledged is lost
 * or there twice, or when the older version's commands change what the newer one has installed. On the embedded PostgreSQL, or on
 * the server of TEST_DATABASE_URL, the URL of its superuser, which has none of our roles yet. Needs `haproxy`, git and npm's registry.
 *
 * npm run upgrade -- --from <revision> [--seconds 20] [--write]
 */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startEmbeddedPostgres } from '../packages/local/src/postgres/embedded.ts'
import { withConnection } from '../packages/rowpass/src/database/connect.ts'
import { replaceSection, toTable } from './document.ts'
import { makeScratch } from './scratch.ts'
import { median } from './statistics.ts'
import { type RollReport, roll } from './upgrade/roll.ts'
import { buildVersion, thisVersion } from './upgrade/version.ts'

const { values } = parseArgs({
  options: {
    from: { type: 'string' },
    seconds: { type: 'string', default: '20' },
    write: { type: 'boolean', default: false },
  },
})
const seconds = Number(values.seconds)
if (values.from === undefined) throw new TypeError('--from is missing: a git revision, the version that is replaced')
if (!Number.isInteger(seconds) || seconds < 1) throw new TypeError('--seconds is not a whole number from 1')

const scratch = makeScratch('rowpass-upgrade')
const logs = join(scratch, 'logs')
mkdirSync(logs)
const onProgress = (text: string): void => console.error(text)
let server: { readonly superuserUrl: string; stop?(): Promise<void> } | undefined
try {
  onProgress(`building ${values.from}`)
  const from = buildVersion(values.from, join(scratch, 'from'))
  server = process.env.TEST_DATABASE_URL
    ? { superuserUrl: process.env.TEST_DATABASE_URL }
    : await startEmbeddedPostgres({ directory: scratch })
  const { superuserUrl: serverUrl } = server
  const to = thisVersion()
  const report = await roll({ from, to, seconds, serverUrl, directory: logs, onProgress })
  const text = describe(report, from.name, to.name, await versionOf(serverUrl))
  console.log(text)
  for (const violation of report.violations) console.error(violation)
  if (values.write) replaceSection(fileURLToPath(new URL('../docs/production.md', import.meta.url)), 'upgrade', text)
  process.exitCode = report.violationCount === 0 ? 0 : 1
} finally {
  await server?.stop?.()
  rmSync(scratch, { recursive: true, force: true })
}

function describe(report: RollReport, from: string, to: string, postgres: string): string {
  const { phases, acknowledged, faults, ended, olderSays } = report
  const table = toTable(
    ['phase', 'requests of each gateway', 'requests', 'refused', 'unanswered', 'wrong', 'p50 ms'],
    phases.map(({ name, gateways, requests, refused, unanswered, wrong, tookMs }) => {
      return [name, gateways, ...[requests, refused, unanswered, wrong].map(String), median(tookMs)]
    }),
  )
  const day = new Date().toISOString().slice(0, 10)
  return [
    table,
    '',
    `${acknowledged} writes acknowledged: ${faults.lost} lost, ${faults.twice} there twice; ${faults.undead} refused and there. ${ended} sessions were ended on the way.`,
    `What the commands of ${from} said when both gateways were new: \`db migrate\`, ${olderSays.migrate}; \`status\`, ${olderSays.status}.`,
    '',
    `Measured ${day} with \`npm run upgrade -- --from ${from} --seconds ${seconds}\`, to ${to}: Node ${process.version}, PostgreSQL ${postgres}, with other work on the machine.`,
  ].join('\n')
}

async function versionOf(url: string): Promise<string> {
  return withConnection(url, async (client) => (await client.query('show server_version')).rows[0].server_version)
}
