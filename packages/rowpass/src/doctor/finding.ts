/**
 * What a rule is and what it finds.
 */
import type { Model } from './analysis/model.ts'

/** How bad a finding is. `info` is worth knowing and often wanted. */
export type Level = 'error' | 'warning' | 'info'

/** Levels from the worst on. */
export const levels: readonly Level[] = ['error', 'warning', 'info']

/** `RLS` and three digits; public, never renamed, never reused. */
export type RuleCode = `RLS${number}`

/** How a finding is put right. */
export type Fix =
  /** Statements without their semicolons; running them makes the finding go away. */
  | {
      readonly sql: readonly string[]
      /** Who loses what by it, one a line: what it closes, and what else a rule knows of. */
      readonly loses?: readonly string[]
      /** Whether it was run and rolled back, and broke nothing; else it is a proposal. */
      readonly tried?: boolean
      /** What the trial could not do, one a line. */
      readonly untried?: readonly string[]
    }
  /** Why only somebody who knows the application can do it, or what they have to decide first. */
  | { readonly person: string }

/** What a rule says of one object. */
export interface Found {
  /** The object as SQL names it, such as `public.notes`; `database` and `server` for what is about all of it. */
  readonly object: string
  /** What of the object, where a rule may find several things of one: a policy, a column, a role. */
  readonly part?: string
  /** One sentence about this object. */
  readonly says: string
  /** SQL, or a fact of the catalog, that shows it. */
  readonly evidence: string
  readonly fix: Fix
  /** Where it differs from the rule's. */
  readonly level?: Level
  /** A slow policy and its better form, for `--measure`. */
  readonly measure?: Measurable
}

/** A policy expression that can be run against another one. */
export interface Measurable {
  readonly relation: number
  readonly before: string
  readonly after: string
}

/** A finding of a run. */
export interface Finding extends Found {
  readonly code: RuleCode
  readonly slug: string
  readonly level: Level
  readonly title: string
  readonly why: string
  /** Stays the same as long as the rule finds it of the object: `RLS010:public.notes:notes_read`. */
  readonly key: string
}

/** One thing that the doctor looks for. */
export interface Rule {
  readonly code: RuleCode
  /** Words with hyphens; the name of its tests. */
  readonly slug: string
  readonly level: Level
  /** What is wrong, as a sentence. */
  readonly title: string
  /** What comes of it, and what to do; a paragraph. */
  readonly why: string
  find(model: Model): Iterable<Found>
}

/** All findings of a rule, with what they have in common. */
export function* applyRule(rule: Rule, model: Model): Generator<Finding> {
  const { code, slug, title, why } = rule
  for (const found of rule.find(model)) {
    const key = [code, found.object, ...(found.part === undefined ? [] : [found.part])].join(':')
    yield { ...found, code, slug, title, why, level: found.level ?? rule.level, key }
  }
}
