/**
 * Makes elements from data. Text stays text: nothing here parses markup.
 */

/** An element with attributes (`--names` are CSS variables, functions are listeners) and children, nodes or text. */
export function element(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children)
}

/** The same for drawings. */
export function drawing(tag, attributes = {}, ...children) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children)
}

/** A button that does something. */
export function button(text, onclick, attributes = {}) {
  return element('button', { type: 'button', onclick, ...attributes }, text)
}

/** A copy of a template, and its parts by the names that they have in `data-part`. */
export function fromTemplate(id) {
  const root = document.getElementById(id).content.firstElementChild.cloneNode(true)
  return { root, part: partsOf(root) }
}

/** Finds parts of an element by the names that they have in `data-part`. */
export function partsOf(root) {
  const parts = new Map([...root.querySelectorAll('[data-part]')].map((node) => [node.dataset.part, node]))
  return (name) => parts.get(name)
}

/** Puts a text into the clipboard and says on the button whether that went well. */
export async function copyFrom(control, text) {
  const said = control.textContent
  const copied = await navigator.clipboard.writeText(text).then(
    () => true,
    () => false,
  )
  control.textContent = copied ? 'Copied' : 'The browser refused'
  setTimeout(() => {
    control.textContent = said
  }, 1500)
}

function fill(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') made[name] = value
    else if (name.startsWith('--')) made.style.setProperty(name, value)
    else made.setAttribute(name, value)
  }
  made.append(...children)
  return made
}
