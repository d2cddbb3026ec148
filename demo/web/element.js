/**
 * Makes elements from data. Text stays text: nothing here parses markup.
 */

/** An element with properties (`class`, `hidden`, …; `--names` are CSS variables) and children, nodes or text. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith('--')) made.style.setProperty(name, value)
    else made.setAttribute(name, value)
  }
  made.append(...children)
  return made
}
