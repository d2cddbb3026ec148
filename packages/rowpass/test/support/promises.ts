/** Reads which sentences of a page promise something, and which tests they name. See `test/promises.test.ts`. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { findFault } from './named-test.ts'
import { repository } from './pg.ts'

/** What a page promises. */
export interface Promises {
  /** Sentences, items and rows that promise something, or that name a test all the same. */
  readonly promises: readonly string[]
  /** Those without a test. */
  readonly unnamed: readonly string[]
  /** What is wrong with the names: words that no unit has, tests that do not exist. */
  readonly adrift: readonly string[]
}

/** With one of these words a unit says what can be relied on; and every row of a table does. */
const promising =
  /\b(?:cannot|never|nobody|nothing|none|no|not|only|alone|without|refuse[sd]?|withholds?|at most|always|every|each|all|any|whatever|until|within|must|stops?|checks?|decides?|limit(?:s|ed)?|bounded|encrypted|closes?|holds?|default|random|rolled back|forged|reuses|ports)\b/i

interface Block {
  readonly units: readonly string[]
  readonly names: readonly Name[]
}

/** A line of a comment. */
interface Name {
  readonly line: string
  /** Words of the unit; undefined for all units of the block. */
  readonly words: string | undefined
  /** What is behind the colon: a file and a title, or `no promise: …`. */
  readonly test: string
}

/** Reads a page of the repository. */
export function promisesOf(page: string): Promises {
  const blocks = readBlocks(readFileSync(join(repository, page), 'utf8'))
  const all = blocks.flatMap(({ units, names }) => units.map((unit) => ({ unit, named: names.some(isOf(unit)) })))
  return {
    promises: all.filter(({ unit, named }) => named || isPromise(unit)).map(({ unit }) => unit),
    unnamed: all.filter(({ unit, named }) => !named && isPromise(unit)).map(({ unit }) => unit),
    adrift: blocks.flatMap(faultsOf),
  }
}

function isPromise(unit: string): boolean {
  return unit.startsWith('|') || promising.test(unit)
}

function isOf(unit: string): (name: Name) => boolean {
  return ({ words }) => words === undefined || unit.includes(words)
}

function faultsOf({ units, names }: Block): string[] {
  return names.flatMap(({ line, words, test }) => {
    if (words !== undefined && !units.some((unit) => unit.includes(words))) return [`no such words: ${line}`]
    if (test.startsWith('no promise: ')) return []
    const [file = '', ...title] = test.split(' ')
    const fault = findFault(file, title.join(' '))
    return fault === undefined ? [] : [fault]
  })
}

const named = /<!-- tests\n([\s\S]*?)-->/

/** Blocks are apart by empty lines, and end with their comment; under a heading it is the comment of the section. */
function readBlocks(text: string): Block[] {
  const blocks: Block[] = []
  /** The level of the heading whose section promises nothing. */
  let silent = 0
  for (const part of text.replace(/^```.*?^```$/gms, '').split(/\n\s*\n/)) {
    const names = (named.exec(part)?.[1] ?? '').split('\n').filter((line) => line !== '')
    const visible = part.replace(/<!--[\s\S]*?-->/g, '').trim()
    const level = /^#+(?= )/.exec(visible)?.[0].length
    if (level === undefined) {
      if (silent === 0 && visible !== '') blocks.push({ units: toUnits(visible), names: names.map(toName) })
    } else if (names.length > 0) silent = level
    else if (level <= silent) silent = 0
  }
  return blocks
}

function toName(line: string): Name {
  const [, words, test = ''] = /^(?:"(.*?)"|all): (.*)$/.exec(line) ?? []
  if (test === '') throw new TypeError(`not of the form "words": test: ${line}`)
  return { line, words, test }
}

function toUnits(block: string): string[] {
  const lines = block.split('\n')
  if (lines[0]?.startsWith('|')) return lines.slice(2)
  const items = block.split(/^(?:- |\d+\. )/m).map((item) => item.replace(/\s+/g, ' ').trim())
  return items.flatMap((item) => item.split(/(?<=[.?!:])\s+(?=[A-Z`[*“])/)).filter((unit) => unit !== '')
}
