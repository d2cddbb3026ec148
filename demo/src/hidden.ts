/**
 * Secrets among other settings: whoever prints the settings does not print them.
 */

/** A text that neither JSON nor an inspection of the object shows. */
export interface Hidden {
  /** The text. To be called where it is used, and not kept. */
  reveal(): string
}

/** Hides a text. */
export function hide(text: string): Hidden {
  return Object.freeze({ reveal: () => text })
}
