/**
 * Finds out which functions read who is asking: a custom setting, the seal of Rowpass, the functions of an identity
 * extension, the current user; directly or through the functions they call.
 */
import type { Parser } from '../statement/parser.ts'
import { type Body, type BodyCall, readBody, readStatements, type Statements } from './bodies.ts'
import type { Catalog, Routine } from './catalog/catalog.ts'
import type { QualifiedName } from './tree.ts'

/** The functions of a database, and what is known of them. */
export interface Callers {
  /** Functions that a call by this name and number of arguments may mean. */
  resolve(call: QualifiedName & { readonly argumentCount: number }): readonly Routine[]
  body(routine: Routine): Body
  /** The body as it was parsed; undefined where it cannot be read. */
  parsed(routine: Routine): Statements | undefined
  /** Whether it reads who is asking, itself or through others. */
  readsCaller(routine: Routine): boolean
  /** Custom settings, text constants and tables that it reaches, itself and through others. */
  reached(routine: Routine): FunctionReach
}

/** What a function reaches through all that it calls. */
export interface FunctionReach {
  readonly settings: ReadonlySet<string>
  readonly texts: ReadonlySet<string>
  readonly routines: ReadonlySet<Routine>
}

/** Identity functions whose bodies cannot be read, being in C: those of pg_session_jwt. */
const knownNames = new Set(['auth.session', 'auth.jwt', 'auth.user_id', 'auth.uid', 'auth.role', 'auth.email'])
/** System functions that tell who is asking. */
const systemCallers = new Set(['pg_has_role', 'row_security_active', 'getpgusername'])

/** Reads bodies when they are asked for, each once. */
export function createCallers(parser: Parser, catalog: Catalog): Callers {
  const byName = new Map<string, Routine[]>()
  for (const routine of catalog.routines.values()) {
    for (const name of [routine.name, `${routine.schema}.${routine.name}`]) {
      const list = byName.get(name)
      if (list === undefined) byName.set(name, [routine])
      else list.push(routine)
    }
  }
  const statements = new Map<number, Statements | undefined>()
  const bodies = new Map<number, Body>()
  const reachedBy = new Map<number, FunctionReach>()
  const system = new Set(catalog.systemFunctions.map(({ name }) => name))

  function resolve({ schema, name, argumentCount }: BodyCall): readonly Routine[] {
    // PostgreSQL looks into pg_catalog first, and so an unqualified name of its own means its own.
    if (schema === undefined && system.has(name)) return []
    const candidates = byName.get(schema === undefined ? name : `${schema}.${name}`) ?? []
    const fitting = candidates.filter(
      (each) => argumentCount <= each.argumentCount && argumentCount >= each.argumentCount - each.optionalArguments,
    )
    return fitting.length > 0 ? fitting : candidates
  }

  function parsed(routine: Routine): Statements | undefined {
    if (!statements.has(routine.oid)) statements.set(routine.oid, readStatements(parser, routine))
    return statements.get(routine.oid)
  }

  function body(routine: Routine): Body {
    let found = bodies.get(routine.oid)
    if (found === undefined) {
      found = readBody(parsed(routine))
      bodies.set(routine.oid, found)
    }
    return found
  }

  function reached(routine: Routine): FunctionReach {
    const known = reachedBy.get(routine.oid)
    if (known !== undefined) return known
    const found = { settings: new Set<string>(), texts: new Set<string>(), routines: new Set<Routine>() }
    const visit = (each: Routine): void => {
      if (found.routines.has(each)) return
      found.routines.add(each)
      const { settings, texts, calls } = body(each)
      for (const setting of settings) found.settings.add(setting)
      for (const text of texts) found.texts.add(text)
      for (const call of calls) resolve(call).forEach(visit)
    }
    visit(routine)
    reachedBy.set(routine.oid, found)
    return found
  }

  const isCaller = (routine: Routine): boolean => {
    const { known, settings, currentUser, sessionUser, calls } = body(routine)
    if (!known && knownNames.has(`${routine.schema}.${routine.name}`)) return true
    return (
      settings.length > 0 ||
      currentUser ||
      sessionUser ||
      calls.some(({ schema, name }) => schema === undefined && systemCallers.has(name))
    )
  }

  return {
    resolve,
    body,
    parsed,
    reached,
    readsCaller: (routine) => [...reached(routine).routines].some(isCaller),
  }
}

/** Whether a system function tells who is asking. */
export function isSystemCaller({ schema, name }: QualifiedName): boolean {
  return schema === undefined && systemCallers.has(name)
}
