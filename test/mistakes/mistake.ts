/** A small weakening of our own code, as somebody might make it by mistake, and the test that notices. */
export interface Mistake {
  /** What can happen with it. */
  readonly weakens: string
  /** Where it is made. */
  readonly file: string
  /** The text that is replaced; it occurs exactly once in the file. */
  readonly from: string
  readonly to: string
  /** The test that fails with it: its file, and words of its title as the file has them. */
  readonly test: string
  readonly title: string
  /** Nobody can notice, and why: another check holds, or the behaviour is the same. Then the named test passes. */
  readonly survives?: string
}

/** What is the same for several mistakes of one source file. */
type Row = readonly [
  weakens: string,
  from: string,
  to: string,
  title: string,
  test?: string | undefined,
  survives?: string,
]

/** The mistakes in one file; `test` is where they are noticed unless a row says otherwise. */
export function mistakesIn(file: string, test: string, rows: readonly Row[]): readonly Mistake[] {
  return rows.map(([weakens, from, to, title, elsewhere = test, survives]) => ({
    weakens,
    file,
    from,
    to,
    test: elsewhere,
    title,
    ...(survives !== undefined && { survives }),
  }))
}
