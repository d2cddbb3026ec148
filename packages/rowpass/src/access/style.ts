/**
 * How text is marked on a terminal.
 */

/** Marks. */
export interface Style {
  bold(text: string): string
  dim(text: string): string
  red(text: string): string
}

/** No marks. */
export const plain: Style = { bold: (text) => text, dim: (text) => text, red: (text) => text }
