/**
 * Who may do what with which table: tried by rowpass on the live schema, as `rowpass matrix` does.
 */
import { ask } from './api.js'
import { button, element, partsOf } from './element.js'

const commands = ['select', 'insert', 'update', 'delete']

/** Takes over the section, and draws when it comes into sight. @param people both of them */
export function createMatrix(root, people) {
  const part = partsOf(root)
  let stale = true

  async function draw() {
    stale = false
    part('says').textContent = 'Trying everything, in a transaction that is rolled back …'
    const asked = people.map((person) => ({ name: person.name, token: person.signed }))
    if (asked[0].name === asked[1].name) asked.pop()
    const drawn = await ask('matrix', { people: asked })
    if (drawn === undefined) {
      part('says').textContent = 'rowpass dev does not answer, or is busy. Try once more.'
      return
    }
    part('says').textContent =
      `${drawn.tables.length} tables, tried in ${drawn.seconds.toFixed(1)} s and rolled back. Choose a cell to see why.`
    const frame = { class: 'grid scroll', tabindex: '0', role: 'group', 'aria-label': 'The matrix' }
    part('grid').replaceChildren(element('div', frame, toTable(drawn)))
  }

  function toTable({ subjects, tables }) {
    return element(
      'table',
      {},
      element(
        'thead',
        {},
        element('tr', {}, element('td', {}), ...subjects.map((name) => element('th', { scope: 'col' }, name))),
      ),
      ...tables.map((table) => toBody(table)),
    )
  }

  function toBody(table) {
    const title = table.name.replace(/^public\./, '')
    return element(
      'tbody',
      {},
      element(
        'tr',
        {},
        element('th', { scope: 'rowgroup', colspan: String(table.lines.length + 1) }, element('code', {}, title)),
      ),
      ...commands.map((command) =>
        element(
          'tr',
          {},
          element('th', { scope: 'row' }, command),
          ...table.lines.map(({ subject, cells }) => {
            const cell = cells[command]
            const alarm = cell.crossTenant ? ' alarm' : ''
            const text = cell.sub === '' ? cell.main : `${cell.main}, ${cell.sub}`
            const label = `${subject}, ${command} on ${title}: ${text}`
            const open = () => tell({ table: title, subject, command, cell })
            return element('td', {}, button(text, open, { class: `cell ${cell.verdict}${alarm}`, 'aria-label': label }))
          }),
        ),
      ),
    )
  }

  async function tell({ table, subject, command, cell }) {
    const report = element('pre', { class: 'report' })
    part('detail').replaceChildren(
      element('h3', {}, `${subject}, ${command} on `, element('code', {}, table)),
      element('p', {}, cell.says),
      element(
        'p',
        {},
        cell.policies.length > 0 ? `Policies that apply: ${cell.policies.join(', ')}.` : 'No policy applies.',
      ),
      element(
        'ul',
        {},
        ...cell.attempts.map((attempt) => element('li', {}, element('code', {}, attempt.sql), ` ${outcome(attempt)}`)),
      ),
      ...cell.notes.map((note) => element('p', {}, note)),
      report,
    )
    part('detail').focus()
    const person = people.find(({ name }) => name === subject)
    if (person === undefined || (command !== 'select' && command !== 'delete')) return
    const told = await person.why({ query: `${command === 'select' ? 'select *' : 'delete'} from ${table}` })
    if (told !== undefined) report.textContent = told.report
  }

  function outcome({ outcome: came, rows, error }) {
    return [
      came === 'done' ? 'done' : came,
      ...(rows === undefined ? [] : [`${rows} rows`]),
      ...(error ? [error] : []),
    ].join(': ')
  }

  part('draw').onclick = draw
  new IntersectionObserver((entries) => {
    if (stale && entries.some(({ isIntersecting }) => isIntersecting)) void draw()
  }).observe(root)

  return {
    /** Somebody else has signed in, or rows have changed. */
    refresh() {
      stale = true
    },
  }
}
