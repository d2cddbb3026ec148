/**
 * The corpus: faults, each beside the same schema without it, and sound constructs that look like one. A case is a text of
 * SQL with fields in comments at its head; README.md says what each is for.
 */
import { readdirSync, readFileSync } from 'node:fs'

/** The two versions of a schema; a sound construct has only the second one. */
export type Variant = 'broken' | 'fixed'

/** How loud a finding is: `info` fails no run. */
export type Level = 'info' | 'warning' | 'error'

/** How a proof ends: what its last statement says in its one column, or the SQLSTATE that ended it. */
export type Outcome = 'true' | 'false' | (string & {})

/** A sound schema with rows and people, on which cases are built. */
export interface Shape {
  readonly name: string
  /** What it is like, in a sentence. */
  readonly title: string
  /** The role that the case's own SQL runs as. */
  readonly owner: string
  /** Roles that requests run as, and schemas that they see. */
  readonly requests: readonly string[]
  readonly schemas: readonly string[]
  /** SQL by which a session acts as somebody. */
  readonly persons: ReadonlyMap<string, string>
  /** Makes roles, tables and rows; for a superuser in an empty database. */
  readonly sql: string
  /** What legitimate people do, for cases that do not say it themselves. */
  readonly works: string
}

/** One fault or sound construct. */
export interface Case {
  /** The name of its file. */
  readonly name: string
  readonly kind: 'fault' | 'sound'
  /** What is wrong, or what looks wrong and is not, in a sentence. */
  readonly title: string
  readonly shape: Shape
  readonly variants: readonly Variant[]
  /** What a finding must be about: a table, a function, a role … and, where there is one, the policy or constraint. */
  readonly objects: readonly string[]
  /** The least level of a finding that does it justice. */
  readonly level: Level
  /** Rules that name this fault, by the family of the tool: decided before that tool ran. */
  readonly rules: ReadonlyMap<string, readonly string[]>
  /** Families whose tools are known to be wrong about it: they miss the fault, or warn of what is sound. */
  readonly wrong: readonly string[]
  /** Lines of the requirements that it comes from. */
  readonly requirements: readonly number[]
  /** The first version of PostgreSQL that has what it is about. */
  readonly from: number
  /** How the proof ends, and how what legitimate people do. */
  readonly shown: Readonly<Partial<Record<Variant, Outcome>>>
  readonly works: Readonly<Partial<Record<Variant, Outcome>>>
  /** What a superuser runs in an empty database to have this version, rows included. */
  schema(variant: Variant): string
  /** Acts as somebody, and shows the leak, the write, the oracle or the plan, in a transaction that is rolled back. */
  readonly proof: string
  /** What must go on working, as `proof` is run. */
  readonly work: string
}

const here = new URL('./', import.meta.url)
const families = ['rowpass', 'splinter']
const fieldsOf = {
  shape: ['shape', 'owner', 'requests', 'schemas', 'person', 'include'],
  fault: ['fault', 'shape', 'objects', 'level', 'requirements', 'from', 'shown', 'works', 'wrong', ...families],
  sound: ['sound', 'shape', 'objects', 'from', 'shown', 'works', 'wrong'],
}
const partNames = ['both', 'broken', 'fixed', 'proof', 'works']

/** All cases of a kind, by name. */
export function loadCases(kind: Case['kind']): Case[] {
  return readFolder(kind === 'fault' ? 'faults' : 'sound').map((name) => readCase(kind, name))
}

function readFolder(folder: string): string[] {
  const files = readdirSync(new URL(`${folder}/`, here)).filter((file) => file.endsWith('.sql'))
  return files.map((file) => file.slice(0, -'.sql'.length)).sort()
}

function readCase(kind: Case['kind'], name: string): Case {
  const { fields, parts } = readFile(kind, `${kind === 'fault' ? 'faults' : 'sound'}/${name}.sql`)
  const one = (field: string): string | undefined => fields.get(field)?.[0]
  const list = (field: string): string[] => splitList(one(field))
  const shape = readShape(required(one('shape'), name, 'shape'))
  const written = (part: string) => parts.filter(([title]) => title === part).map(([, text]) => text)
  const proof = required(written('proof')[0], name, 'proof')
  const [work = shape.works] = written('works')
  return {
    name,
    kind,
    title: required(one(kind), name, kind),
    shape,
    variants: kind === 'fault' ? ['broken', 'fixed'] : ['fixed'],
    objects: list('objects'),
    level: readLevel(one('level') ?? 'warning', name),
    rules: new Map(families.map((family) => [family, list(family)])),
    wrong: list('wrong'),
    requirements: list('requirements').map(Number),
    from: Number(one('from') ?? 15),
    shown: readOutcomes(kind, required(one('shown'), name, 'shown')),
    works: { broken: 'true', ...readOutcomes(kind, one('works') ?? 'true') },
    proof: expand(proof, shape, name),
    work: expand(work, shape, name),
    schema: (variant) =>
      [
        shape.sql,
        `set role ${shape.owner};`,
        ...parts.filter(([part]) => part === 'both' || part === variant).map(([, text]) => text),
        'reset role;',
      ].join('\n'),
  }
}

/** `true, fixed 42501`: of the broken one first; a sound construct has one outcome. */
function readOutcomes(kind: Case['kind'], text: string): Partial<Record<Variant, Outcome>> {
  const [, first = '', broken, fixed] = /^(\w+)(?:, broken (\w+))?(?:, fixed (\w+))?$/.exec(text) ?? []
  if (first === '') throw new TypeError(`${text} is no outcome`)
  return kind === 'sound' ? { fixed: first } : { broken: broken ?? first, fixed: fixed ?? first }
}

function readLevel(text: string, name: string): Level {
  if (text === 'info' || text === 'warning' || text === 'error') return text
  throw new TypeError(`${name} has the level ${text}, and only info, warning and error are`)
}

const shapes = new Map<string, Shape>()

function readShape(name: string): Shape {
  const known = shapes.get(name)
  if (known !== undefined) return known
  const { fields, parts, head } = readFile('shape', `shapes/${name}.sql`)
  const included = (fields.get('include') ?? []).map((other) =>
    readFileSync(new URL(`shapes/${other}.sql`, here), 'utf8'),
  )
  const persons = (fields.get('person') ?? []).map((text) => {
    const [, person = '', sql = ''] = /^(\w+): (.*)$/.exec(text) ?? []
    return [person, sql] as const
  })
  const shape: Shape = {
    name,
    title: required(fields.get('shape')?.[0], name, 'shape'),
    owner: required(fields.get('owner')?.[0], name, 'owner'),
    requests: splitList(fields.get('requests')?.[0]),
    schemas: splitList(fields.get('schemas')?.[0] ?? 'public'),
    persons: new Map(persons),
    sql: [...included, head].join('\n'),
    works: parts.find(([part]) => part === 'works')?.[1] ?? '',
  }
  shapes.set(name, shape)
  return shape
}

interface File {
  readonly fields: ReadonlyMap<string, readonly string[]>
  /** What stands before the first part. */
  readonly head: string
  readonly parts: readonly (readonly [title: string, text: string])[]
}

function readFile(kind: keyof typeof fieldsOf, path: string): File {
  const lines = readFileSync(new URL(path, here), 'utf8').split('\n')
  const end = lines.findIndex((line) => !line.startsWith('-- '))
  const fields = new Map<string, string[]>()
  for (const line of lines.slice(0, end)) {
    const [, name = '', text = ''] = /^-- (\w+)[: ](.*)$/.exec(line) ?? []
    if (!fieldsOf[kind].includes(name)) throw new TypeError(`${path} has the field "${line}", which no ${kind} has`)
    fields.set(name, [...(fields.get(name) ?? []), text.trim()])
  }
  const [head = '', ...rest] = lines
    .slice(end)
    .join('\n')
    .split(/^-- \[(?=\w+\]$)/m)
  const parts = rest.map((text) => {
    const [title = '', ...body] = text.split(']\n')
    if (!partNames.includes(title)) throw new TypeError(`${path} has the part [${title}], which is none`)
    return [title, body.join(']\n').trim()] as const
  })
  return { fields, head: head.trim(), parts }
}

/** `-- as: ann` acts as a person of the shape; `-- plan: select …` leaves the plan in the setting `proof.plan`. */
function expand(sql: string, shape: Shape, name: string): string {
  return sql
    .replace(/^-- as: (\w+)$/gm, (_, person: string) => required(shape.persons.get(person), name, person))
    .replace(/^-- plan: (.+)$/gm, (_, query: string) =>
      [
        'do $$ declare plan jsonb; begin',
        `  execute $query$explain (format json, costs off) ${query}$query$ into plan;`,
        "  perform set_config('proof.plan', plan::text, true);",
        'end $$;',
      ].join('\n'),
    )
}

function splitList(text = ''): string[] {
  return text.split(', ').filter((each) => each !== '')
}

function required(value: string | undefined, name: string, what: string): string {
  if (value === undefined || value === '') throw new TypeError(`${name} does not say its ${what}`)
  return value
}
