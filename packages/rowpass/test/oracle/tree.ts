/**
 * Generated SQL as a tree of text, which is written twice: as the token holder sends it, and as the model runs it.
 */

/** What a reference to a table is for; the model reads each through another view. */
export type Purpose = 'select' | 'lock' | 'update' | 'delete' | 'insert' | 'merge'

/** A part that is not written alike for the gateway and for the model. */
export type Leaf =
  | { readonly kind: 'table'; readonly table: string; readonly purpose: Purpose; readonly alias: string }
  /** A table that is changed is `target`: reading its columns asks for the SELECT policies too. */
  | { readonly kind: 'column'; readonly table: string; readonly column: string; readonly target: boolean }
  /** A column in a list of those to write. */
  | { readonly kind: 'written'; readonly table: string; readonly column: string; readonly by: 'insert' | 'update' }
  | { readonly kind: 'param'; readonly value: string | null }
  /** Marks a statement whose rows come in one order only. */
  | { readonly kind: 'ordered' }
  /** `and` what the model has to add so that no hidden row of this target counts. */
  | { readonly kind: 'visible'; readonly table: string; readonly alias: string }
  /** How the target is written: what the model's checks of new rows need to know. */
  | { readonly kind: 'write'; readonly table: string; readonly how: Writing }
  /** Text for the gateway alone, without effect on the rows. */
  | { readonly kind: 'gateway only'; readonly text: string }
  /** Text for the model alone. */
  | { readonly kind: 'model only'; readonly text: string }
  /** What the model cannot run: only the two databases are compared. */
  | { readonly kind: 'no model' }

export type Writing = 'insert' | 'upsert' | 'update' | 'delete' | 'merge' | 'merge returning'

export interface Tree {
  readonly pieces: readonly (string | Tree | Leaf)[]
  /** Name of the SQL type of an expression: it may be replaced by any other of the type. */
  readonly type?: string
  /** Whether the text around it stands without it. */
  readonly optional?: true
  /** Pieces are items of a list, of which this many have to stay. */
  readonly list?: { readonly separator: string; readonly min: number }
}

type Part = string | number | Tree | Leaf

/** A tree from a template. */
export function sql(texts: TemplateStringsArray, ...parts: readonly Part[]): Tree {
  const pieces: (string | Tree | Leaf)[] = []
  texts.forEach((text, index) => {
    if (text !== '') pieces.push(text)
    const part = parts[index]
    if (typeof part === 'number') pieces.push(String(part))
    else if (part !== undefined) pieces.push(part)
  })
  return { pieces }
}

export const empty: Tree = { pieces: [] }

export function typed(type: string, tree: Tree): Tree {
  return { ...tree, type }
}

export function optional(tree: Tree): Tree {
  return { ...tree, optional: true }
}

export function list(items: readonly (Tree | string)[], separator = ', ', min = 1): Tree {
  return { pieces: items.map((item) => (typeof item === 'string' ? sql`${item}` : item)), list: { separator, min } }
}

export function isTree(piece: string | Tree | Leaf): piece is Tree {
  return typeof piece === 'object' && 'pieces' in piece
}

/** Every leaf, in the order of the text. */
export function* leavesOf(tree: Tree): Generator<Leaf> {
  for (const piece of tree.pieces) {
    if (typeof piece === 'string') continue
    if (isTree(piece)) yield* leavesOf(piece)
    else yield piece
  }
}

/** Writes a tree; `toText` writes its leaves. */
export function render(tree: Tree, toText: (leaf: Leaf) => string): string {
  const texts = tree.pieces.map((piece) =>
    typeof piece === 'string' ? piece : isTree(piece) ? render(piece, toText) : toText(piece),
  )
  return texts.join(tree.list?.separator ?? '')
}
