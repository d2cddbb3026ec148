/**
 * The rows of a person, table by table, and forms that add, edit and delete them as that person.
 */
import { button, element } from './element.js'
import { columnsOf, deleteRow, insertRow, updateRow } from './tables.js'
import { findWall, quoteError } from './walls.js'

/**
 * Takes over the place of the tables.
 *
 * @param run runs a statement as the person @param why tells why it came to nothing
 * @param claims of the token, to fill a form with @param onChange is called after a row was changed
 */
export function createRows(root, { run, why, claims, onChange }) {
  let tables = []
  let places = []

  function show(found, answers, { persona }) {
    tables = found
    places = found.map((table, index) => createTable(table, answers[index], persona))
    root.replaceChildren(...places.map(({ root: place }) => place))
  }

  function createTable(table, answer, persona) {
    const columns = columnsOf(table, 'readable')
    const says = element('p', { class: 'says', role: 'status' })
    const why = element('span', { class: 'why' })
    const body = element('tbody', {})
    const rows = (answer.rows ?? []).map((values) => Object.fromEntries(columns.map((name, at) => [name, values[at]])))
    body.append(...rows.map((row) => toLine(row)))
    const adding = columnsOf(table, 'addable')
    const count = answer.ok ? `${rows.length} ${rows.length === 1 ? 'row' : 'rows'}` : quoteError(answer.error)
    const place = element(
      'div',
      { class: 'rows', role: 'group', 'aria-label': table.name },
      element(
        'header',
        {},
        element('h4', {}, element('code', {}, table.name)),
        element('span', { class: 'count' }, count),
        why,
        ...(adding.length > 0
          ? [button('Add', () => body.append(toForm(adding, suggest(adding), insert)), { class: 'small' })]
          : []),
      ),
      element(
        'div',
        { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': `Rows of ${table.name}` },
        element(
          'table',
          {},
          element(
            'thead',
            {},
            element(
              'tr',
              {},
              ...columns.map((name) => element('th', { scope: 'col' }, name)),
              element('th', { scope: 'col' }, element('span', { class: 'unseen' }, 'Actions')),
            ),
          ),
          body,
        ),
      ),
      says,
    )

    function toLine(row) {
      const canEdit = columnsOf(table, 'editable').length > 0 && columnsOf(table, 'key').length > 0
      const canDelete = table.deletable && columnsOf(table, 'key').length > 0
      const title = row.name ?? row.title ?? row.id ?? Object.values(row)[0]
      const line = element(
        'tr',
        {},
        ...columns.map((name) => element('td', {}, toCell(name, row[name], persona))),
        element(
          'td',
          { class: 'acts' },
          ...(canEdit ? [act('✎', 'Edit', title, () => line.replaceWith(toEditor(row, line)))] : []),
          ...(canDelete ? [act('✕', 'Delete', title, () => change(deleteRow(table, row)))] : []),
        ),
      )
      return line
    }

    function toEditor(row, line) {
      const editable = columnsOf(table, 'editable')
      const save = (values) => change(updateRow(table, row, values))
      return toForm(editable, row, save, () => editor().replaceWith(line))
      function editor() {
        return body.querySelector('tr.form')
      }
    }

    /** A line of inputs, one for each column that may be given. */
    function toForm(names, values, send, cancel) {
      const inputs = names.map((name) =>
        element('input', {
          name,
          'aria-label': name,
          value: values[name] ?? '',
          list: 'known-values',
          autocomplete: 'off',
        }),
      )
      const submit = () =>
        send(Object.fromEntries(inputs.filter(({ value }) => value !== '').map(({ name, value }) => [name, value])))
      const form = element(
        'tr',
        { class: 'form', onkeydown: ({ key }) => key === 'Enter' && submit() },
        element(
          'td',
          { colspan: String(columns.length + 1) },
          ...inputs.map((input) => element('label', {}, element('span', {}, input.name), input)),
          button('Save', submit, { class: 'small primary' }),
          button('Cancel', cancel ?? (() => form.remove()), { class: 'small' }),
        ),
      )
      setTimeout(() => inputs[0]?.focus())
      return form
    }

    function insert(values) {
      return change(insertRow(table, values))
    }

    async function change(statement) {
      says.textContent = 'Sending …'
      const done = await run(statement)
      if (done.ok && done.count > 0) {
        // What is shown next comes with the rows of both people.
        return onChange()
      }
      await tell(statement, done)
    }

    /** A refusal, or a change of nothing: who did that, and which policy. */
    async function tell(statement, done) {
      const wall = findWall(done)
      const short = wall === undefined ? 'No row was changed.' : `Stopped by ${wall.says}.`
      const quoted = wall === undefined ? '' : ` ${quoteError(done.error)}`
      says.textContent = `${short}${quoted}`
      const told = await askWhy(statement)
      if (told !== undefined) says.replaceChildren(element('strong', {}, short), ` ${told.says.join(' ')}`)
    }

    return { root: place, why, says }
  }

  const askWhy = (statement) => why(statement)

  /** Values that a row of this person would have. */
  function suggest(names) {
    const known = claims()
    const drawn = {
      user_id: known.sub,
      owner_id: known.sub,
      email: 'new@person.example',
      name: 'New person',
      title: 'New',
    }
    return Object.fromEntries(names.map((name) => [name, known[name] ?? drawn[name] ?? '']))
  }

  return {
    get tables() {
      return tables
    },
    show,
    /** Tells of a table what its policies hide. */
    explain(index, { summary, says }) {
      const place = places[index]
      if (place === undefined) return
      const hidden = summary?.replace(/^[^:]*: /, '')
      place.why.textContent = hidden ?? ''
      place.why.title = says.join(' ')
    },
    clear(...instead) {
      root.replaceChildren(...instead)
    },
  }
}

function act(sign, verb, title, onclick) {
  return button(sign, onclick, { class: 'tiny', title: verb, 'aria-label': `${verb} ${title}` })
}

/** Ids and times by their beginning; the person's own row is marked. */
function toCell(name, value, persona) {
  if (value === null) return element('span', { class: 'null' }, 'null')
  if (/^[0-9a-f]{8}-[0-9a-f]{4}-/.test(value)) {
    const own = name === 'id' && value === persona.id
    return element(
      'span',
      {},
      element('code', { class: 'id', title: value }, value.slice(0, 6)),
      ...(own ? [' ', element('span', { class: 'you' }, 'you')] : []),
    )
  }
  if (/^\d{4}-\d\d-\d\d /.test(value)) return element('span', { title: value }, value.slice(0, 10))
  // The end of a long one is not shown.
  return element('span', { title: value }, value)
}
