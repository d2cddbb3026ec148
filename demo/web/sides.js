/**
 * Puts the two people side by side; where there is no room for both, a switch shows one of them at the same place.
 */
import { element } from './element.js'

/** Takes over the place of the people. */
export function createSides(root, people) {
  const names = people.map(() => element('span', {}))
  const choices = names.map((name, side) => {
    const input = element('input', { type: 'radio', name: 'side', value: String(side), onchange: () => choose(side) })
    input.checked = side === 0
    return element('label', {}, input, name)
  })
  let place = 0
  const notePlace = () => {
    place = scrollY
  }
  const legend = element('legend', { class: 'unseen' }, 'Whose side is shown')
  root.replaceChildren(
    element('fieldset', { class: 'switch', onpointerdown: notePlace, onkeydown: notePlace }, legend, ...choices),
    element('div', { class: 'sides' }, ...people.map((person) => person.root)),
  )

  /** Both have the same height. The browser scrolls to where a control would be that did not stick: back from there. */
  function choose(side) {
    root.dataset.side = String(side)
    scrollTo({ top: place })
  }

  root.dataset.side = '0'
  return {
    refresh() {
      for (const [side, person] of people.entries()) {
        names[side].textContent = person.name
        choices[side].style.setProperty('--hue', person.hue)
      }
    },
  }
}
