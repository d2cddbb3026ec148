/**
 * Finds the text of a node in an expression that PostgreSQL has written. It writes each operator inside of parentheses,
 * so the pair around an operator is its expression, and what is left and right of it are its operands.
 */

import { namesOf } from '../../access/tree.ts'
import type { TreeNode } from '../../statement/parser.ts'
import type { Expression } from './expression.ts'

/** A piece of the parsed text, in bytes; `end` is exclusive. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** Parentheses of a text that stand in no string and no quoted name: the closing one by the opening one. */
export function parentheses(text: Buffer): ReadonlyMap<number, number> {
  const pairs = new Map<number, number>()
  const open: number[] = []
  for (let at = 0; at < text.length; at++) {
    const char = text[at]
    if (char === quote || char === doubleQuote) at = endOfQuoted(text, at, char)
    else if (char === opening) open.push(at)
    else if (char === closing) {
      const start = open.pop()
      if (start !== undefined) pairs.set(start, at)
    }
  }
  return pairs
}

const quote = 0x27
const doubleQuote = 0x22
const opening = 0x28
const closing = 0x29
const backslash = 0x5c
const letterE = 0x45

function endOfQuoted(text: Buffer, start: number, char: number): number {
  const escapes = char === quote && text[start - 1] === letterE
  for (let at = start + 1; at < text.length; at++) {
    if (escapes && text[at] === backslash) at++
    else if (text[at] === char) {
      if (text[at + 1] !== char) return at
      at++
    }
  }
  return text.length
}

/** The text of an expression's pieces. */
export interface Spans {
  /** The pair of parentheses around a position. */
  around(position: number): Span | undefined
  /** From a position to the end of the next parentheses: a call, or EXISTS. */
  callAt(position: number): Span | undefined
  /** Texts left and right of an operator. */
  operandsOf(operator: TreeNode): { readonly left: string; readonly right: string; readonly span: Span } | undefined
  textOf(span: Span): string
}

/** Measures an expression. */
export function spansOf({ parsed }: Pick<Expression, 'parsed'>): Spans {
  const pairs = [...parentheses(parsed)].map(([start, last]) => ({ start, end: last + 1 }))
  const textOf = ({ start, end }: Span): string => parsed.subarray(start, end).toString()
  const around = (position: number): Span | undefined =>
    pairs.filter(({ start, end }) => start < position && position < end).sort((a, b) => b.start - a.start)[0]
  return {
    around,
    textOf,
    callAt(position) {
      const [next] = pairs.filter(({ start }) => start >= position).sort((a, b) => a.start - b.start)
      return next === undefined ? undefined : { start: position, end: next.end }
    },
    operandsOf(operator) {
      const position = typeof operator.location === 'number' ? operator.location : -1
      const span = around(position)
      const name = namesOf(operator.name).at(-1) ?? ''
      if (span === undefined || textOf({ start: position, end: position + Buffer.byteLength(name) }) !== name)
        return undefined
      return {
        span,
        left: textOf({ start: span.start + 1, end: position }).trim(),
        right: textOf({ start: position + Buffer.byteLength(name), end: span.end - 1 }).trim(),
      }
    },
  }
}
