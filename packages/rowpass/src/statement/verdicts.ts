/**
 * What was judged, by text and by shape: a text that is new in its constants only is not judged again.
 */
import type { Allowed, Verdict } from './classify.ts'
import { toShape } from './shape.ts'
import { createTextCache } from './text-cache.ts'

/** Verdicts of one state of one database. */
export interface Verdicts {
  /** Undefined for a text that is to be judged. */
  get(sql: string): Verdict | undefined
  /** Keeps the verdict on a text; returns it as `get` will. */
  keep(sql: string, verdict: Verdict): Verdict
}

const maxTexts = 5_000
/** UTF-16 units in all. */
const maxTextsLength = 16 * 1024 * 1024
const maxShapesLength = 4 * 1024 * 1024
const maxVariants = 1_000
const maxVariantsLength = 1024 * 1024

/** The judge looks at constants in the options of EXPLAIN. */
const judgedByShape: ReadonlySet<string> = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'MERGE'])

/**
 * Makes an empty store.
 *
 * Only what is allowed is known by its shape: a refusal says where in the text it is. A text that is known by its shape is
 * kept by itself when it comes a second time, so that texts that are always new push out nothing, and whether another text
 * was sent before shows in the time of the first only where its shape is new.
 */
export function createVerdicts(): Verdicts {
  const byText = createTextCache<Verdict>(maxTexts, maxTextsLength)
  const byShape = createTextCache<Allowed>(maxTexts, maxShapesLength)
  const variants = createTextCache<Allowed>(maxVariants, maxVariantsLength)

  function getByShape(sql: string): Verdict | undefined {
    const seen = variants.get(sql)
    if (seen !== undefined) {
      variants.delete(sql)
      byText.set(sql, seen)
      return seen
    }
    const shape = toShape(sql)
    const known = shape === undefined ? undefined : byShape.get(shape)
    if (known === undefined) return undefined
    variants.set(sql, known)
    return { ...known, isVariant: true }
  }

  return {
    get: (sql) => byText.get(sql) ?? getByShape(sql),
    keep(sql, verdict) {
      const shape = verdict.kind !== 'refused' && judgedByShape.has(verdict.command) ? toShape(sql) : undefined
      if (shape === undefined || verdict.kind === 'refused') {
        byText.set(sql, verdict)
        return verdict
      }
      const kept = { ...verdict, shape }
      byText.set(sql, kept)
      byShape.set(shape, kept)
      return kept
    },
  }
}
