/**
 * `npm run bench:faults`: what `rowpass doctor`, `supabase db advisors` and `postgres-language-server dblint` find of the
 * planted faults, and what they say about the schemas without them. Writes the table of docs/doctor.md.
 *
 * The two others weigh 160 MB and are no dependency of Rowpass: they are installed from npm into a temporary folder that is
 * removed afterwards, or taken from `--tools <folder with node_modules>`. `--only rowpass` and
 * `--only others` run a part, and write nothing.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startEmbeddedPostgres } from '../packages/local/src/postgres/embedded.ts'
import { replaceSection, toTable } from './document.ts'
import { type Fault, loadFaults, type Variant } from './faults/corpus.ts'
import { withSchema } from './faults/databases.ts'
import { type Judgement, judge } from './faults/judge.ts'
import {
  actAsSupabase,
  dblint,
  type Finding,
  packages,
  rowpassDoctor,
  supabaseAdvisors,
  type Tool,
} from './faults/tools.ts'
import { makeScratch } from './scratch.ts'

const root = new URL('../', import.meta.url)
const page = fileURLToPath(new URL('docs/doctor.md', root))
const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string }

const { values } = parseArgs({ options: { tools: { type: 'string' }, only: { type: 'string' } } })
const temporary: string[] = []
process.once('exit', () => {
  for (const folder of temporary) rmSync(folder, { recursive: true, force: true })
})

const ours = values.only === 'others' ? [] : [rowpassDoctor(version)]
const others = values.only === 'rowpass' ? [] : otherTools(values.tools ?? install())
await compare([...ours, ...others])

function otherTools(folder: string): Tool[] {
  return [supabaseAdvisors(folder), dblint(folder)]
}

function install(): string {
  const folder = temporaryFolder()
  const names = Object.entries(packages).map(([name, pinned]) => `${name}@${pinned}`)
  console.error(`installing ${names.join(', ')} into ${folder}`)
  execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', folder, ...names], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  return folder
}

function temporaryFolder(): string {
  const folder = makeScratch('rowpass-faults')
  temporary.push(folder)
  return folder
}

async function compare(tools: readonly Tool[]): Promise<void> {
  const directory = temporaryFolder()
  const server = await startEmbeddedPostgres({ directory, durable: false })
  try {
    const results: { fault: Fault; judgements: Judgement[] }[] = []
    for (const fault of loadFaults()) {
      const judgements = await judgeFault(server.superuserUrl, fault, tools)
      console.error(`${fault.name}: ${judgements.map(describe).join(' | ')}`)
      results.push({ fault, judgements })
    }
    const text = document(tools, results, server.version)
    console.log(text)
    if (values.only === undefined) replaceSection(page, 'comparison', text)
  } finally {
    await server.stop()
  }
}

async function judgeFault(url: string, fault: Fault, tools: readonly Tool[]): Promise<Judgement[]> {
  const said = { broken: new Map<Tool, Finding[]>(), fixed: new Map<Tool, Finding[]>() }
  for (const variant of ['broken', 'fixed'] satisfies Variant[]) {
    await withSchema(url, fault, variant, async (database) => {
      const ask = async (tool: Tool) => said[variant].set(tool, await tool.findings(database))
      await Promise.all(tools.filter(({ splinter }) => !splinter).map(ask))
      const rest = tools.filter(({ splinter }) => splinter)
      if (rest.length > 0) await actAsSupabase(database, () => Promise.all(rest.map(ask)))
    })
  }
  return tools.map((tool) =>
    judge(tool, fault, { broken: said.broken.get(tool) ?? [], fixed: said.fixed.get(tool) ?? [] }),
  )
}

function describe({ foundBy, falseAlarms, notes }: Judgement): string {
  const list = (title: string, rules: readonly string[]) => (rules.length > 0 ? `; ${title}: ${rules.join(', ')}` : '')
  return `${foundBy ?? 'missed'}${list('false alarms', falseAlarms)}${list('notes', notes)}`
}

function document(
  tools: readonly Tool[],
  results: readonly { fault: Fault; judgements: readonly Judgement[] }[],
  serverVersion: string,
): string {
  const column = (index: number) => results.map(({ judgements }) => judgements[index] as Judgement)
  const total = (count: (judgements: readonly Judgement[]) => number) =>
    tools.map((_, index) => `${count(column(index))}`)
  const rows = results.map(({ fault, judgements }) => [
    `${fault.name.slice(0, 2)}. ${fault.fault}`,
    ...judgements.map(({ foundBy }) => (foundBy === undefined ? '—' : `\`${foundBy}\``)),
  ])
  const found = total((judgements) => judgements.filter(({ foundBy }) => foundBy !== undefined).length)
  const alarms = total((judgements) => judgements.flatMap(({ falseAlarms }) => falseAlarms).length)
  const notes = total((judgements) => judgements.flatMap((judgement) => judgement.notes).length)
  const alarmed = total((judgements) => judgements.filter(({ falseAlarms }) => falseAlarms.length > 0).length)
  return [
    `Measured on ${new Date().toISOString().slice(0, 10)}, PostgreSQL ${serverVersion}, by \`npm run bench:faults\`.`,
    '',
    toTable(
      ['planted fault, and the rule that named it', ...tools.map(({ title, version: number }) => `${title} ${number}`)],
      [
        [`**found, of ${results.length}**`, ...found.map(bold)],
        [`**false alarms: warnings and errors about the ${results.length} fixed schemas**`, ...alarms.map(bold)],
        ['**fixed schemas with a false alarm**', ...alarmed.map(bold)],
        ['notes about the fixed schemas (level info)', ...notes],
        ...rows,
      ],
    ),
  ].join('\n')
}

function bold(text: string): string {
  return `**${text}**`
}
