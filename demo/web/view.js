/**
 * Shows the state of one panel in its part of the page. Decides nothing.
 */
import { renderProblem, renderRows } from './answer.js'
import { element } from './element.js'
import { decodeToken, timeLeft } from './token.js'

/** Hues of the tenants, so that whose rows these are is seen before it is read. */
const hues = [160, 285, 45, 235]

const stale = 'It has expired, or its key is no longer published. “New token” signs in again.'

const unsigned =
  'The payload is no longer the one that was signed. The gateway noticed before it asked the database anything.'

/** The panel's element with its named parts. */
export function createView(template, label) {
  const root = template.content.firstElementChild.cloneNode(true)
  root.setAttribute('aria-label', label)
  const parts = new Map([...root.querySelectorAll('[data-part]')].map((node) => [node.dataset.part, node]))
  return { root, part: (name) => parts.get(name) }
}

/** Fills the choice of people, by tenant. */
export function showChoices({ part }, personas, tenants, chosen) {
  const toOption = ({ id, name, role, tenant }) =>
    element('option', { value: id, ...(id === chosen.id && { selected: '' }) }, `${name}, ${role} of ${tenant}`)
  const toGroup = ([tenantId, label]) =>
    element('optgroup', { label }, ...personas.filter((each) => each.tenantId === tenantId).map(toOption))
  part('person').append(...tenants.map(toGroup))
}

/** Shows a new token of a person, and which claims they could edit. */
export function showSignedToken({ root, part }, signed, { person, tenants }) {
  const { header, payload, signature } = decodeToken(signed)
  const own = tenants.findIndex(([id]) => id === person.tenantId)
  const [otherTenantId, otherTenant] = tenants[(own + 1) % tenants.length]
  const otherRole = person.role === 'admin' ? 'member' : 'admin'
  for (const control of root.querySelectorAll(':disabled')) control.disabled = false
  root.style.setProperty('--hue', hues[own % hues.length])
  part('header').textContent = JSON.stringify(header, null, 1).replaceAll(/\s+/g, ' ')
  part('payload').value = format(payload)
  part('signature').textContent = signature
  part('try-tenant').replaceChildren(element('code', {}, 'tenant_id'), ` → ${otherTenant}`)
  part('try-role').replaceChildren(element('code', {}, 'role'), ` → ${otherRole}`)
  return { tenant: { tenant_id: otherTenantId }, role: { role: otherRole } }
}

/** Puts claims into the payload's editor. */
export function showPayload({ part }, payload) {
  part('payload').value = format(payload)
}

/** Shows whether the token that would be sent is the signed one, an edited one, or none (undefined). */
export function showEdit({ root, part }, token, signed) {
  const edited = token !== signed
  const broken = token === undefined
  root.classList.toggle('edited', edited)
  part('signature-note').textContent = edited ? 'made for the payload before the edit' : 'made for this payload'
  part('complaint').hidden = !broken
  part('complaint').textContent = broken ? 'The payload is not a JSON object, so it cannot be sent.' : ''
  part('payload').setAttribute('aria-invalid', String(broken))
  part('send').disabled = broken
  part('send').textContent = edited ? 'Send the edited token' : 'Send both requests'
  part('renew').textContent = edited ? 'Undo the edit' : 'New token'
}

/** Shows the time until `exp`. */
export function showExpiry({ root, part }, exp) {
  const left = timeLeft(exp)
  part('expiry').textContent = left === undefined ? 'Expired' : `Expires in ${left}`
  root.classList.toggle('expired', left === undefined)
}

/** Says what is under way; the last answer stays, dimmed. */
export function showBusy({ part }, text) {
  part('answer-section').setAttribute('aria-busy', 'true')
  part('verdict').textContent = text
}

/** Shows the answers to both requests: their rows, or the first that is no success. */
export function showAnswers(view, answers, { person, edited }) {
  const failed = answers.find(({ status }) => status !== 200)
  if (failed !== undefined) {
    const refused = answers.every(({ status }) => status === 401)
    const verdict = refused ? 'Refused. No row was read.' : 'That failed.'
    return showFailure(view, verdict, renderProblem(failed, refused ? (edited ? unsigned : stale) : undefined))
  }
  const [{ tenants }, { users }] = answers.map(({ body }) => body)
  const [whyTenants, whyUsers] = answers.map(({ why }) => why)
  finish(view, false)
  view.part('verdict').textContent = `${person.name} sees ${count(tenants, 'tenant')} and ${count(users, 'user')}.`
  view
    .part('answer')
    .replaceChildren(...renderRows({ tenants, users }, person, { tenants: whyTenants, users: whyUsers }))
}

/** Shows that there are no rows, and why. */
export function showFailure(view, verdict, ...why) {
  finish(view, true)
  view.part('verdict').textContent = verdict
  view.part('answer').replaceChildren(...why)
}

function finish({ root, part }, refused) {
  root.classList.toggle('refused', refused)
  part('answer-section').setAttribute('aria-busy', 'false')
}

function format(value) {
  return JSON.stringify(value, null, 2)
}

function count(rows, noun) {
  return `${rows.length} ${noun}${rows.length === 1 ? '' : 's'}`
}
