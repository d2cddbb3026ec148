/**
 * The file in which a project accepts findings one by one, with a reason: `rowpass-doctor.json`.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import * as z from 'zod'
import { Failure } from '../errors.ts'
import type { Finding } from './finding.ts'

/** Name of the file in the project folder. */
export const baselineName = 'rowpass-doctor.json'

const schema = z.strictObject({
  /** Reasons by the key of the finding. */
  accepted: z.record(z.string().regex(/^RLS\d{3}:/), z.string().trim().min(1)),
})

/** Reasons by the key of the finding. */
export type Baseline = ReadonlyMap<string, string>

/** What a baseline makes of findings. */
export interface SortedFindings {
  /** Findings that nobody has accepted. */
  readonly open: readonly Finding[]
  /** Findings with the reason why they are accepted. */
  readonly accepted: readonly (Finding & { readonly reason: string })[]
  /** Keys of the file that no finding has any more. */
  readonly stale: readonly string[]
}

/**
 * Reads the file.
 *
 * @returns an empty baseline where there is no file
 * @throws Failure `config_invalid` when it is no JSON of this form
 * @example
 * for (const [key, reason] of readBaseline('rowpass-doctor.json')) console.log(key, reason)
 */
export function readBaseline(path: string): Baseline {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return new Map()
    throw new Failure('config_invalid', { detail: `${path} cannot be read`, cause: error })
  }
  const parsed = schema.safeParse(parseJson(text))
  if (parsed.success) return new Map(Object.entries(parsed.data.accepted))
  const detail = `${path} is not of the form {"accepted": {"RLS010:public.notes:notes_read": "the reason"}}`
  throw new Failure('config_invalid', { detail })
}

/**
 * Adds one finding to the file, in the order of keys.
 *
 * @example
 * acceptFinding(baselineName, 'RLS001:public.countries', 'a public list, the same for everyone')
 */
export function acceptFinding(path: string, key: string, reason: string): void {
  writeBaseline(path, [...readBaseline(path), [key, reason]])
}

/**
 * Adds findings to the file, all with one reason; what is accepted already keeps its own. A baseline for a project that
 * begins with the doctor.
 *
 * @returns how many were added, by the code of their rule
 * @example
 * const { findings } = await runDoctor({ databaseUrl })
 * acceptFindings(baselineName, findings, 'as it was when we began')
 */
export function acceptFindings(
  path: string,
  findings: readonly Finding[],
  reason: string,
): ReadonlyMap<string, number> {
  const known = readBaseline(path)
  const added = findings.filter(({ key }) => !known.has(key))
  writeBaseline(path, [...known, ...added.map(({ key }) => [key, reason] as const)])
  const counts = new Map<string, number>()
  for (const { code } of added) counts.set(code, (counts.get(code) ?? 0) + 1)
  return new Map([...counts].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function writeBaseline(path: string, accepted: readonly (readonly [key: string, reason: string])[]): void {
  const entries = [...new Map(accepted)].sort(([a], [b]) => (a < b ? -1 : 1))
  writeFileSync(path, `${JSON.stringify({ accepted: Object.fromEntries(entries) }, null, 2)}\n`)
}

/**
 * Sorts findings into those that are accepted and those that are not.
 *
 * @example
 * const { findings } = await runDoctor({ databaseUrl })
 * const { open } = applyBaseline(findings, readBaseline(baselineName))
 * if (open.some(({ level }) => level === 'error')) process.exitCode = 1
 */
export function applyBaseline(findings: readonly Finding[], baseline: Baseline): SortedFindings {
  const keys = new Set(findings.map(({ key }) => key))
  return {
    open: findings.filter(({ key }) => !baseline.has(key)),
    accepted: findings.flatMap((finding) => {
      const reason = baseline.get(finding.key)
      return reason === undefined ? [] : [{ ...finding, reason }]
    }),
    stale: [...baseline.keys()].filter((key) => !keys.has(key)),
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
