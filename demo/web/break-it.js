/**
 * Attacks, one click each, and SQL of one's own: what becomes of them, and who stopped it.
 */
import { signIn } from './api.js'
import { button, element, partsOf } from './element.js'
import { columnsOf, insertRow } from './tables.js'
import { decodeToken, forgeToken, replacePayload } from './token.js'
import { findWall, quoteError } from './walls.js'

/** Each gives the statement, and the token where it is not the person's own. */
const attacks = [
  {
    name: 'Edit a claim',
    says: 'The tenant and the role of somebody else, under the old signature.',
    make: (person, other, statement) => {
      const { tenant_id, role } = decodeToken(other.signed).payload
      const payload = { ...decodeToken(person.signed).payload, tenant_id, role }
      return { ...statement, token: replacePayload(person.signed, payload) }
    },
  },
  {
    name: 'Send an expired token',
    says: 'Signed with the right key, half an hour ago.',
    make: async (person, _other, statement) => ({
      ...statement,
      token: await signIn(person.persona.id, { expired: true }),
    }),
  },
  {
    name: 'Sign with a key of my own',
    says: 'The same claims and the same key id; the key was made in this browser just now.',
    make: async (person, _other, statement) => ({ ...statement, token: await forgeToken(person.signed) }),
  },
  {
    name: 'RESET ROLE',
    says: 'Back to the role that the gateway logged in with.',
    make: () => ({ query: 'reset role' }),
  },
  {
    name: 'set_config(…)',
    says: 'Claims of somebody else, written into the session.',
    make: (_person, other) => ({
      query: `select set_config('rowpass.claims', '${JSON.stringify({ sub: other.persona.id })}', true)`,
    }),
  },
  {
    name: 'select * from …',
    says: 'No condition at all: every row of the table, please.',
    make: (_person, _other, statement) => statement,
  },
  {
    name: 'EXPLAIN ANALYZE',
    says: 'Count the hidden rows by the plan.',
    make: (_person, _other, { query }) => ({ query: `explain analyze ${query}` }),
  },
  {
    name: 'Inject a statement',
    says: 'A quotation mark in an input of an API that puts text together, and a second statement behind it.',
    make: (_person, _other, { query }) => ({
      query: `${query} where '' = '' or '1' = '1'; drop table ${query.split(' from ')[1]}; --'`,
    }),
  },
  {
    name: 'Add a row to the other tenant',
    says: 'An honest token, and a tenant that is not its own.',
    make: (person, other) => {
      const table = person.tables.find((each) => columnsOf(each, 'addable').includes('tenant_id'))
      if (table === undefined) return undefined
      const values = { tenant_id: other.persona.tenantId, user_id: other.persona.id }
      const drawn = { email: 'mallory@person.example', name: 'Mallory' }
      const given = columnsOf(table, 'addable').filter((name) => name in values || name in drawn)
      return insertRow(table, Object.fromEntries(given.map((name) => [name, values[name] ?? drawn[name]])))
    },
  },
]

/** Takes over the section. @param people both of them, in their order */
export function createBreakIt(root, people) {
  const part = partsOf(root)
  const chosen = () => people[Number(root.querySelector('input[name="attacker"]:checked').value)]
  const otherThan = (person) => people.find((each) => each !== person)

  /** As the API would, for everything in the widest table. */
  function everything({ tables: [table] }) {
    return { query: `select * from ${table?.sql ?? 'users'}` }
  }

  async function attack({ name, make }) {
    const person = chosen()
    begin(`${name}, as ${person.name} …`)
    const statement = await make(person, otherThan(person), everything(person))
    if (statement === undefined) return part('result').replaceChildren('There is no table with a tenant_id.')
    await run(person, statement, name)
  }

  async function run(person, { token, ...statement }, name) {
    const answer = await person.run(statement, token === undefined ? { token: person.signed } : { token })
    const wall = findWall(answer)
    const says = element('p', { class: 'told' })
    part('result').replaceChildren(
      element('h3', {}, ...(name === undefined ? [] : [`${name}: `]), toVerdict(answer, wall)),
      element('pre', {}, statement.query),
      ...(wall === undefined ? [toTable(answer)] : [element('p', {}, element('code', {}, quoteError(answer.error)))]),
      ...(answer.error?.hint ? [element('p', {}, answer.error.hint)] : []),
      says,
    )
    root.classList.toggle('refused', wall !== undefined)
    const isOfRows = wall === undefined || (wall.step === 'postgres' && answer.error.failure !== 'session_revoked')
    const told = isOfRows ? await person.why(statement) : undefined
    if (told !== undefined) says.textContent = told.says.join(' ')
  }

  function toVerdict({ count }, wall) {
    return wall === undefined ? `not stopped: ${count} ${count === 1 ? 'row' : 'rows'}` : `stopped by ${wall.says}`
  }

  function begin(text) {
    part('result').replaceChildren(element('p', {}, text))
  }

  /** Tables of one's own have names of their own. */
  function named(name) {
    return name.replace('…', name.startsWith('select') ? (people[0].tables[0]?.name ?? 'users') : '…')
  }

  part('attacks').replaceChildren(
    ...attacks.map((each) =>
      element(
        'li',
        {},
        button(named(each.name), () => attack({ ...each, name: named(each.name) }).catch(fail)),
        element('span', {}, each.says),
      ),
    ),
  )
  part('run').onclick = () => {
    begin(`Asking as ${chosen().name} …`)
    return run(chosen(), { query: part('sql').value }).catch(fail)
  }
  part('sql').onkeydown = ({ key, ctrlKey, metaKey }) => {
    if (key === 'Enter' && (ctrlKey || metaKey)) part('run').click()
  }

  function fail() {
    begin('The API cannot be reached. Is it running?')
  }

  return {
    /** The names of both people have changed. */
    refresh() {
      for (const [index, label] of [...root.querySelectorAll('[data-attacker]')].entries()) {
        label.textContent = people[index].name
      }
    },
  }
}

/** Rows as they came, as many as can be read. */
function toTable({ columns, rows }) {
  const shown = rows.slice(0, 20)
  return element(
    'div',
    { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': 'Rows of the answer' },
    element(
      'table',
      {},
      element('thead', {}, element('tr', {}, ...columns.map((name) => element('th', { scope: 'col' }, name)))),
      element(
        'tbody',
        {},
        ...shown.map((row) => element('tr', {}, ...row.map((value) => element('td', {}, value ?? 'null')))),
      ),
    ),
  )
}
