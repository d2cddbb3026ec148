/**
 * Starts the page: two people of two tenants, each with the same requests.
 */
import { listPersonas } from './api.js'
import { element } from './element.js'
import { createPanel } from './panel.js'

const main = document.getElementById('panels')
const template = document.getElementById('panel')

try {
  const personas = await listPersonas()
  const [left] = personas
  const right = personas.find(({ tenantId, role }) => tenantId !== left.tenantId && role === 'admin')
  const panels = [
    createPanel({ template, personas, person: left, label: 'First person' }),
    createPanel({ template, personas, person: right, label: 'Second person' }),
  ]
  main.replaceChildren(...panels.map(({ root }) => root))
  setInterval(() => {
    for (const { tick } of panels) tick()
  }, 1000)
} catch {
  main.replaceChildren(element('p', { class: 'notice', role: 'alert' }, 'The API cannot be reached. Is it running?'))
}
