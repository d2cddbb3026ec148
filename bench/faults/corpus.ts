/**
 * The corpus: planted faults, one a folder, each beside the same schema without it.
 * `broken.sql` and `fixed.sql` build a schema on `prelude.sql`, `rows.sql` fills it, `proof.sql` shows the fault.
 */
import { readdirSync, readFileSync } from 'node:fs'
import type pg from 'pg'
import { z } from 'zod'
import { sqlstateOf } from '../../packages/rowpass/src/database/connect.ts'

/** The two versions of a schema. */
export type Variant = 'broken' | 'fixed'

/** How a proof ends: what its last statement says in its one column `shown`, or the SQLSTATE that ended it. */
export type Outcome = 'true' | 'false' | (string & {})

const faultFile = z.strictObject({
  /** The fault in one sentence. */
  fault: z.string(),
  /** Lines of the security requirements that it comes from. */
  requirements: z.array(z.number()),
  /** What a finding must be about: a table, a function, a role … and, where there is one, the policy or constraint. */
  objects: z.array(z.string()).min(1),
  /** How the proof ends on each variant. */
  proof: z.strictObject({ broken: z.string(), fixed: z.string() }),
  /** Names of the splinter lints that would name this problem, decided before the tools ran; both other tools use them. */
  lints: z.array(z.string()),
  /** The same for the rules of `rowpass doctor`. */
  rules: z.array(z.string()),
})

/** One planted fault. */
export interface Fault extends z.infer<typeof faultFile> {
  /** `NN-slug`, the name of its folder. */
  readonly name: string
  readonly sql: Readonly<Record<Variant | 'rows' | 'proof', string>>
}

const here = new URL('./', import.meta.url)

/** Roles and rights that every schema starts from. */
export const prelude = readFileSync(new URL('prelude.sql', here), 'utf8')

/** All faults in order of their numbers. */
export function loadFaults(): Fault[] {
  return readdirSync(here, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && /^\d\d-/.test(entry.name))
    .map(({ name }) => loadFault(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

function loadFault(name: string): Fault {
  const read = (file: string) => readFileSync(new URL(`${name}/${file}`, here), 'utf8')
  const sql = { broken: read('broken.sql'), fixed: read('fixed.sql'), rows: read('rows.sql'), proof: read('proof.sql') }
  return { name, ...faultFile.parse(JSON.parse(read('fault.json'))), sql }
}

/** Builds one variant with its rows: `client` is a superuser in an empty database, or in a transaction of one. */
export async function buildSchema(client: pg.Client, fault: Fault, variant: Variant): Promise<void> {
  await client.query(prelude)
  await client.query(`set role saas_owner;\n${fault.sql[variant]}\nreset role;`)
  await client.query(fault.sql.rows)
}

/** Runs the proof, in the transaction that `client` is in; a schema built by `buildSchema` is there. Roll back afterwards. */
export async function runProof(client: pg.Client, fault: Fault): Promise<Outcome> {
  try {
    const results: unknown = await client.query(fault.sql.proof)
    const last: pg.QueryResult = Array.isArray(results) ? results.at(-1) : results
    return String(last.rows[0]?.shown)
  } catch (error) {
    const code = sqlstateOf(error)
    if (code === undefined) throw error
    return code
  }
}
