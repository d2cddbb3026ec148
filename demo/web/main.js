/**
 * Starts the page: two people of two tenants, each with the same tables, and what may be done to them.
 */
import { createAgents } from './agents.js'
import { listPersonas, readKeys } from './api.js'
import { createBreakIt } from './break-it.js'
import { element } from './element.js'
import { createJourney } from './journey.js'
import { createLive } from './live.js'
import { createMatrix } from './matrix.js'
import { createPerson } from './person.js'
import { createSides } from './sides.js'

const at = (id) => document.getElementById(id)

/** The published keys, read again when a token names another one. */
function createKeys() {
  let keys
  return {
    async current(kid) {
      if (keys === undefined || !(await keys).some((key) => key.kid === kid)) keys = readKeys()
      return keys
    },
  }
}

async function start() {
  const personas = await listPersonas()
  const [left] = personas
  const right = personas.find(({ tenantId, role }) => tenantId !== left.tenantId && role === 'admin')
  const journey = createJourney(at('journey'))
  const keys = createKeys()
  const sections = []
  const refreshSections = () => {
    for (const section of sections) section?.refresh()
  }
  // A row that one of them adds may be one that the other sees.
  const refreshRows = () => {
    refreshSections()
    return Promise.all(people.map(({ refresh }) => refresh()))
  }
  const people = [left, right].map((persona, side) =>
    createPerson({
      personas,
      persona,
      label: side === 0 ? 'First person' : 'Second person',
      journey,
      keys,
      onSignedIn: refreshSections,
      onChange: refreshRows,
    }),
  )
  sections.push(createSides(at('people'), people))
  at('known-values').append(...toValues(personas))
  document.body.classList.add('running')
  setInterval(() => {
    for (const { tick } of people) tick()
  }, 1000)
  await Promise.all(people.map(({ ready }) => ready))
  sections.push(createBreakIt(at('break-it'), people), createMatrix(at('matrix'), people))
  createLive(at('live'), people, () => people.map(({ refresh }) => refresh()))
  sections.push(await createAgents(at('agents'), people))
  refreshSections()
}

/** Ids that a form may want, with whose they are. */
function toValues(personas) {
  const tenants = new Map(personas.map(({ tenantId, tenant }) => [tenantId, tenant]))
  const people = personas.map(({ id, name }) => [id, name])
  return [...tenants, ...people].map(([value, label]) => element('option', { value }, label))
}

try {
  await start()
} catch (error) {
  // Without the demo's API these files are a page like any other, with nothing that runs.
  const still = error.status === 404
  const says = still
    ? 'This is a still of the page: no demo runs behind it. “npm create rowpass” makes one on your machine.'
    : 'The API cannot be reached. Is it running?'
  at('people').replaceChildren(element('p', { class: 'notice', role: still ? 'note' : 'alert' }, says))
  if (!still && !(error instanceof TypeError)) throw error
}
