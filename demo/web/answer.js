/**
 * Shows answers: rows as tables, a refusal as what it says.
 */
import { element } from './element.js'

/** Both answers as tables. `person` is whose token was sent; their own row is marked. `why` tells of rows that are not there. */
export function renderRows({ tenants, users }, person, why) {
  return [
    renderTable(
      'GET /api/tenants',
      ['Name', 'Id'],
      tenants.map(({ id, name }) => [name, element('code', { class: 'id' }, id)]),
      why.tenants,
    ),
    renderTable(
      'GET /api/users',
      ['Name', 'E-mail', 'Role'],
      users.map(({ id, name, email, role }) => [
        element('span', {}, name, ...(id === person.id ? [' ', element('span', { class: 'you' }, 'you')] : [])),
        toAddress(email),
        role,
      ]),
      why.users,
    ),
  ]
}

/** A problem (RFC 9457) as a card; `why` is what this page knows and the API does not tell. */
export function renderProblem({ status, body, challenge }, why) {
  return element(
    'div',
    { class: 'refusal' },
    element('p', { class: 'refusal-status' }, `${status} `, element('code', {}, body.code ?? '')),
    element('p', { class: 'refusal-title' }, `${body.title ?? 'The request failed'}.`),
    ...[why, body.detail].filter(Boolean).map((text) => element('p', {}, text)),
    ...(challenge ? [element('pre', {}, `WWW-Authenticate: ${challenge}`)] : []),
  )
}

function renderTable(request, columns, rows, why) {
  const count = rows.length === 1 ? '1 row' : `${rows.length} rows`
  return element(
    'div',
    { class: 'table' },
    element(
      'table',
      {},
      element(
        'caption',
        {},
        element('code', { class: 'request' }, request),
        element('span', { class: 'count' }, count),
      ),
      element('thead', {}, element('tr', {}, ...columns.map((column) => element('th', { scope: 'col' }, column)))),
      element('tbody', {}, ...rows.map((cells) => element('tr', {}, ...cells.map((cell) => element('td', {}, cell))))),
    ),
    ...(why === undefined ? [] : [element('p', { class: 'why' }, why)]),
  )
}

/** An address that breaks, if it has to, after its @. */
function toAddress(email) {
  const [person, host] = email.split('@')
  return element('span', {}, `${person}@`, element('wbr'), host)
}
