/**
 * `npm run corpus`: what `rowpass doctor` and `postgres-language-server dblint`, and with `--supabase` also `supabase db
 * advisors`, find of the faults, what they say about what is right, and what becomes of what they would have run. Writes the
 * figures into docs/doctor.md, and what each said of each case into results.md.
 *
 * The two others weigh 160 MB and are no dependency of Rowpass: they are installed from npm into a temporary folder that is
 * removed afterwards, or taken from `--tools <folder with node_modules>`. With `--only`, `--case` or `--command` nothing is
 * written. `--print <case>` prints the SQL of a case and runs nothing. README.md has more.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { replaceSection } from '../bench/document.ts'
import { makeScratch } from '../bench/scratch.ts'
import { startEmbeddedPostgres } from '../packages/local/src/postgres/embedded.ts'
import { loadCases, type Variant } from './cases.ts'
import { loadPuzzles } from './puzzles.ts'
import { details, type Result, summary } from './results.ts'
import { type Said, scoreCase, scorePuzzle } from './score.ts'
import { anyProgram, dblint, packages, rowpass, supabaseAdvisors, type Tool } from './tools.ts'

const root = new URL('../', import.meta.url)
const pathOf = (name: string) => fileURLToPath(new URL(name, root))
const { version } = JSON.parse(readFileSync(new URL('packages/rowpass/package.json', root), 'utf8')) as {
  version: string
}

const { values } = parseArgs({
  options: {
    tools: { type: 'string' },
    supabase: { type: 'boolean', default: false },
    only: { type: 'string' },
    case: { type: 'string', multiple: true },
    command: { type: 'string' },
    format: { type: 'string' },
    family: { type: 'string' },
    print: { type: 'string' },
    variant: { type: 'string', default: 'broken' },
    jobs: { type: 'string', default: '2' },
  },
})

const temporary: string[] = []
process.once('exit', () => {
  for (const folder of temporary) rmSync(folder, { recursive: true, force: true })
})

const cases = [...loadCases('fault'), ...loadCases('sound')].filter(
  ({ name }) => values.case === undefined || values.case.includes(name),
)
if (values.print !== undefined) print(values.print, values.variant as Variant)
else await compare(chooseTools())

function print(name: string, variant: Variant): void {
  const each = cases.find((one) => one.name === name)
  if (each === undefined || !['broken', 'fixed'].includes(variant))
    throw new TypeError('there is no such case, or variant')
  console.log(
    `${each.schema(variant)}\n\n-- The proof ends with ${each.shown[variant]}:\nbegin;\n${each.proof}\nrollback;`,
  )
}

function chooseTools(): Tool[] {
  if (values.command !== undefined) return [anyProgram(values.command, values.format, values.family)]
  const ours = values.only === 'others' ? [] : [rowpass(version)]
  if (values.only === 'rowpass') return ours
  const folder = values.tools ?? install()
  return [...ours, dblint(folder), ...(values.supabase ? [supabaseAdvisors(folder)] : [])]
}

function install(): string {
  const folder = temporaryFolder()
  const wanted = Object.entries(packages).filter(([name]) => values.supabase || name !== 'supabase')
  const names = wanted.map(([name, pinned]) => `${name}@${pinned}`)
  console.error(`installing ${names.join(', ')} into ${folder}`)
  execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', folder, ...names], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  return folder
}

function temporaryFolder(): string {
  const folder = makeScratch('rowpass-corpus')
  temporary.push(folder)
  return folder
}

async function compare(tools: readonly Tool[]): Promise<void> {
  const results: Result[] = []
  const left = cases.slice()
  const said: Said = new Map()
  let serverVersion = ''
  // Roles belong to a server: cases at the same time take one each.
  const work = async (): Promise<void> => {
    const server = await startEmbeddedPostgres({ directory: temporaryFolder(), durable: false })
    serverVersion = server.version
    try {
      for (let each = left.shift(); each !== undefined; each = left.shift()) {
        const scores = await scoreCase(server.superuserUrl, each, tools, said)
        console.error(`${each.name}: ${scores.map(describe).join(' | ')}`)
        results.push({ case: each, scores })
      }
    } finally {
      await server.stop()
    }
  }
  await Promise.all(Array.from({ length: Number(values.jobs) }, work))
  const puzzles = await scorePuzzles(tools)
  const order = new Map(cases.map(({ name }, index) => [name, index]))
  const sorted = results.toSorted((a, b) => (order.get(a.case.name) ?? 0) - (order.get(b.case.name) ?? 0))
  const figures = summary(tools, sorted, puzzles, serverVersion)
  console.log(figures)
  if (values.only !== undefined || values.case !== undefined || values.command !== undefined) return
  replaceSection(pathOf('docs/doctor.md'), 'comparison', figures)
  replaceSection(pathOf('corpus/results.md'), 'results', details(tools, sorted))
}

/** How many puzzles each tool is right about; undefined where it explains nothing. */
async function scorePuzzles(tools: readonly Tool[]): Promise<readonly ({ right: number; of: number } | undefined)[]> {
  if (values.case !== undefined || tools.every(({ explain }) => explain === undefined))
    return tools.map(() => undefined)
  const puzzles = loadPuzzles().filter(({ contents }) => contents === undefined)
  const server = await startEmbeddedPostgres({ directory: temporaryFolder(), durable: false })
  try {
    const right = tools.map(({ explain }) => (explain === undefined ? undefined : { right: 0, of: puzzles.length }))
    for (const puzzle of puzzles) {
      for (const [index, tool] of tools.entries()) {
        const count = right[index]
        if (count === undefined) continue
        const missing = await scorePuzzle(server.superuserUrl, puzzle, tool)
        if (missing.length === 0) count.right++
        else console.error(`${puzzle.name}: ${tool.title}: ${missing.join(', ')}`)
      }
    }
    return right
  } finally {
    await server.stop()
  }
}

function describe({ judgement: { found, loud, falseAlarms, notes }, fix }: Result['scores'][number]): string {
  const list = (title: string, rules: readonly string[]) => (rules.length > 0 ? `; ${title}: ${rules.join(', ')}` : '')
  const quiet = found === undefined || loud ? '' : ` (only ${found.level})`
  return `${found?.rule ?? '—'}${quiet}${fix === undefined ? '' : `, fix ${fix}`}${list('false alarms', falseAlarms)}${list('notes', notes)}`
}
