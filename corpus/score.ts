/**
 * Runs tools on one case, or one puzzle, and says what came of it.
 */
import { withConnection } from '../packages/rowpass/src/database/connect.ts'
import type { Case, Shape, Variant } from './cases.ts'
import { withSchema } from './databases.ts'
import { type Finding, type Judgement, judge } from './judge.ts'
import { type Proof, prove } from './proof.ts'
import { ensurePuzzleRoles, type Puzzle, puzzlePassword, puzzleUser } from './puzzles.ts'
import { actAsSupabase, type Tool } from './tools.ts'

/**
 * What became of a fix that a tool wrote for a fault: it holds, it breaks what legitimate people do, or the proof shows the
 * same as before while the tool says no more (`hides`) or still says it (`fails`). `asks`: it wrote none for this fault.
 */
export type FixOutcome = 'holds' | 'breaks' | 'hides' | 'fails' | 'asks'

/** What one tool made of one case. */
export interface Score {
  readonly judgement: Judgement
  /** Of a fault that was found, by a tool that writes fixes. */
  readonly fix: FixOutcome | undefined
}

/** What all tools said of a schema, by its SQL: many a fault is all that is not in its shape. */
export type Said = Map<string, ReadonlyMap<Tool, readonly Finding[]>>

/** Scores all tools on a case. */
export async function scoreCase(
  superuserUrl: string,
  each: Case,
  tools: readonly Tool[],
  known: Said,
): Promise<Score[]> {
  const said = new Map<Tool, Partial<Record<Variant, readonly Finding[]>>>(tools.map((tool) => [tool, {}]))
  for (const variant of each.variants) {
    const sql = each.schema(variant)
    const heard = known.get(sql) ?? (await hear(superuserUrl, sql, each.shape, tools))
    known.set(sql, heard)
    for (const [tool, findings] of heard) Object.assign(said.get(tool) ?? {}, { [variant]: findings })
  }
  const scores: Score[] = []
  for (const tool of tools) {
    const judgement = judge(tool.family, each, said.get(tool) ?? {})
    const fix = judgement.found === undefined ? undefined : await tryFix(superuserUrl, each, tool)
    scores.push({ judgement, fix })
  }
  return scores
}

function hear(superuserUrl: string, sql: string, shape: Shape, tools: readonly Tool[]) {
  const heard = new Map<Tool, readonly Finding[]>()
  return withSchema(superuserUrl, sql, async (url) => {
    const ask = async (tool: Tool) => heard.set(tool, await tool.findings(url))
    await Promise.all(tools.filter(({ family }) => family !== 'splinter').map(ask))
    const rest = tools.filter(({ family }) => family === 'splinter')
    if (rest.length > 0) await actAsSupabase(url, shape, () => Promise.all(rest.map(ask)))
    return heard
  })
}

/** Runs all that the tool would have run on the broken schema, and then what the case says. */
async function tryFix(superuserUrl: string, each: Case, tool: Tool): Promise<FixOutcome | undefined> {
  const { fixes } = tool
  if (fixes === undefined) return undefined
  return withSchema(superuserUrl, each.schema('broken'), async (url) => {
    const { sql, rules } = await fixes(url)
    const meant =
      tool.family === undefined ? rules : rules.filter((rule) => each.rules.get(tool.family ?? '')?.includes(rule))
    const after = await withConnection(url, async (client): Promise<Proof> => {
      await client.query(sql)
      await client.query('begin')
      return prove(client, each)
    })
    if (after.works !== 'true' && after.works !== each.works.broken) return 'breaks'
    if (meant.length === 0) return 'asks'
    // A refusal and an empty result are both the end of a leak.
    if ([each.shown.fixed, 'false', '42501'].includes(after.shown) && after.shown !== each.shown.broken)
      return after.works === 'true' ? 'holds' : 'fails'
    return judge(tool.family, each, { broken: await tool.findings(url) }).found === undefined ? 'hides' : 'fails'
  })
}

/** Words that are missing in what a tool says about a puzzle, or wrong in it. */
export async function scorePuzzle(superuserUrl: string, puzzle: Puzzle, tool: Tool): Promise<string[]> {
  await withConnection(superuserUrl, ensurePuzzleRoles)
  return withSchema(superuserUrl, puzzle.schema, async (url) => {
    const asker = new URL(url)
    if (puzzle.by !== undefined) {
      asker.username = puzzle.by
      asker.password = puzzlePassword
    }
    const question = { sql: puzzle.ask, role: puzzleUser, claims: puzzle.as, login: puzzle.login }
    const text = flat((await tool.explain?.(asker.href, question)) ?? '')
    const missing = [...puzzle.says, ...puzzle.advice].filter((words) => !text.includes(flat(words)))
    const wrong = puzzle.never.filter((words) => text.includes(flat(words)))
    return [...missing.map((words) => `does not say "${words}"`), ...wrong.map((words) => `says "${words}"`)]
  })
}

/** Lines are broken where a terminal ends. */
function flat(text: string): string {
  return text.replace(/\s+/g, ' ')
}
