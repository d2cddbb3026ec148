/**
 * The line that connects an assistant as one of the two, where the gateway has a door for them.
 */
import { findAgentsDoor } from './api.js'
import { copyFrom, element, partsOf } from './element.js'

/** Takes over the section, which is there only where the door is. @param people both of them */
export async function createAgents(root, people) {
  const url = await findAgentsDoor().catch(() => undefined)
  if (url === undefined) return undefined
  const part = partsOf(root)
  const toLine = ({ signed }) =>
    `claude mcp add --transport http rowpass ${url} --header "Authorization: Bearer ${signed}"`

  function refresh() {
    part('lines').replaceChildren(
      ...people.map((person) => {
        const line = element('pre', { tabindex: '0' }, toLine(person))
        const copy = element('button', { type: 'button', onclick: () => copyFrom(copy, toLine(person)) }, 'Copy')
        return element(
          'div',
          { class: 'agent', '--hue': person.hue },
          element('h3', {}, `As ${person.name}`),
          line,
          copy,
        )
      }),
    )
  }

  root.hidden = false
  document.querySelector('a[href="#agents"]').hidden = false
  refresh()
  return { refresh }
}
