/**
 * Makes a statement smaller for as long as it shows the same fault.
 */
import { isTree, sql, type Tree, typed } from './tree.ts'

/** Trees with one thing less, those that lose most first. */
export function* smaller(tree: Tree): Generator<Tree> {
  const found: { readonly tree: Tree; readonly size: number }[] = []
  for (const candidate of variants(tree, (changed) => changed)) found.push({ tree: candidate, size: sizeOf(candidate) })
  found.sort((a, b) => a.size - b.size)
  for (const candidate of found) yield candidate.tree
}

function* variants(tree: Tree, rebuild: (changed: Tree) => Tree): Generator<Tree> {
  if (tree.optional === true && tree.pieces.length > 0) yield rebuild({ pieces: [] })
  if (tree.type !== undefined) {
    for (const inner of innerOf(tree, tree.type)) yield rebuild(inner)
    if (!isConstant(tree)) yield rebuild(typed(tree.type, sql`null::${tree.type}`))
  }
  const { list } = tree
  for (const [index, piece] of tree.pieces.entries()) {
    if (list !== undefined && tree.pieces.length > list.min)
      yield rebuild({ ...tree, pieces: tree.pieces.toSpliced(index, 1) })
    if (!isTree(piece)) continue
    yield* variants(piece, (changed) => rebuild({ ...tree, pieces: tree.pieces.with(index, changed) }))
  }
}

/** Expressions of the same type inside, the nearest first. */
function* innerOf(tree: Tree, type: string): Generator<Tree> {
  for (const piece of tree.pieces) {
    if (!isTree(piece)) continue
    if (piece.type === type) yield piece
    else yield* innerOf(piece, type)
  }
}

const isConstant = (tree: Tree): boolean => tree.pieces.every((piece) => !isTree(piece))

const sizeOf = (tree: Tree): number =>
  tree.pieces.reduce(
    (size, piece) => size + (typeof piece === 'string' ? piece.length : isTree(piece) ? sizeOf(piece) : 1),
    0,
  )

/**
 * Shrinks one tree.
 * @param persists whether a smaller one still shows the fault
 * @param tries how many may be asked
 */
export async function shrink(tree: Tree, persists: (tree: Tree) => Promise<boolean>, tries: number): Promise<Tree> {
  let best = tree
  let left = tries
  for (let improved = true; improved && left > 0; ) {
    improved = false
    for (const candidate of smaller(best)) {
      if (left-- <= 0) break
      if (!(await persists(candidate))) continue
      best = candidate
      improved = true
      break
    }
  }
  return best
}
