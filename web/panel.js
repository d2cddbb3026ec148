/**
 * One side of the page: a person, their token, and what the API answers to it.
 */
import { renderProblem, renderRows } from './answer.js'
import { get, signIn } from './api.js'
import { element } from './element.js'
import { decodeToken, replacePayload, timeLeft } from './token.js'

/** Hues of the tenants, so that whose rows these are is seen before it is read. */
const hues = [160, 285, 45, 235]

/**
 * Builds a panel and signs its person in.
 *
 * @returns the element, and `tick` to be called each second for the countdown
 */
export function createPanel({ template, personas, person: first, label }) {
  const root = template.content.firstElementChild.cloneNode(true)
  root.setAttribute('aria-label', label)
  const part = (name) => root.querySelector(`[data-part="${name}"]`)
  const tenants = [...new Map(personas.map(({ tenantId, tenant }) => [tenantId, tenant]))]

  let person = first
  let signed
  let pending = new AbortController()

  function payloadNow() {
    try {
      const payload = JSON.parse(part('payload').value)
      return typeof payload === 'object' && payload !== null && !Array.isArray(payload) ? payload : undefined
    } catch {
      return undefined
    }
  }

  /** The token as it would be sent: the signed one, or an edited payload under the old signature. */
  function tokenNow() {
    const payload = payloadNow()
    if (payload === undefined) return undefined
    const untouched = JSON.stringify(payload) === JSON.stringify(decodeToken(signed).payload)
    return untouched ? signed : replacePayload(signed, payload)
  }

  function showToken() {
    const token = tokenNow()
    const edited = token !== signed
    root.classList.toggle('edited', edited)
    part('signature-note').textContent = edited ? 'made for the payload before the edit' : 'made for this payload'
    part('complaint').hidden = token !== undefined
    part('complaint').textContent = token === undefined ? 'The payload is not a JSON object, so it cannot be sent.' : ''
    part('payload').setAttribute('aria-invalid', String(token === undefined))
    part('send').disabled = token === undefined
    part('send').textContent = edited ? 'Send the edited token' : 'Send both requests'
    part('renew').textContent = edited ? 'Undo the edit' : 'New token'
  }

  function showTries() {
    const [otherId, other] = tenants[(tenants.findIndex(([id]) => id === person.tenantId) + 1) % tenants.length]
    const role = person.role === 'admin' ? 'member' : 'admin'
    part('try-tenant').replaceChildren(element('code', {}, 'tenant_id'), ` → ${other}`)
    part('try-tenant').onclick = () => edit({ tenant_id: otherId })
    part('try-role').replaceChildren(element('code', {}, 'role'), ` → ${role}`)
    part('try-role').onclick = () => edit({ role })
  }

  function edit(claims) {
    part('payload').value = format({ ...(payloadNow() ?? decodeToken(signed).payload), ...claims })
    showToken()
    return send()
  }

  async function renew() {
    begin('Signing in …')
    try {
      signed = await signIn(person.id)
    } catch {
      return fail('The sign-in cannot be reached.')
    }
    const { header, signature } = decodeToken(signed)
    root.style.setProperty('--hue', hues[tenants.findIndex(([id]) => id === person.tenantId) % hues.length])
    part('header').textContent = format(header).replaceAll(/\s+/g, ' ')
    part('signature').textContent = signature
    showTries()
    tick()
    return restore()
  }

  function restore() {
    part('payload').value = format(decodeToken(signed).payload)
    showToken()
    return send()
  }

  async function send() {
    const token = tokenNow()
    if (token === undefined) return
    const { signal } = begin('Asking …')
    try {
      const answers = await Promise.all(['/api/tenants', '/api/users'].map((path) => get(path, token, signal)))
      show(answers, token !== signed)
    } catch {
      if (!signal.aborted) fail('The API cannot be reached.')
    }
  }

  /** Only the newest request of a panel may show its answer. */
  function begin(verdict) {
    pending.abort()
    pending = new AbortController()
    part('answer-section').setAttribute('aria-busy', 'true')
    part('verdict').textContent = verdict
    return pending
  }

  function show(answers, edited) {
    const refused = answers.find(({ status }) => status !== 200)
    root.classList.toggle('refused', refused !== undefined)
    part('answer-section').setAttribute('aria-busy', 'false')
    if (refused) {
      const why = edited && refused.status === 401 ? unsigned : undefined
      part('verdict').textContent = 'Refused. No row was read.'
      part('answer').replaceChildren(renderProblem(refused, why))
      return
    }
    const [{ tenants }, { users }] = answers.map(({ body }) => body)
    part('verdict').textContent = `${person.name} sees ${count(tenants, 'tenant')} and ${count(users, 'user')}.`
    part('answer').replaceChildren(...renderRows({ tenants, users }, person))
  }

  function fail(text) {
    root.classList.add('refused')
    part('answer-section').setAttribute('aria-busy', 'false')
    part('verdict').textContent = text
    part('answer').replaceChildren()
  }

  async function copy() {
    const request = `curl ${location.origin}/api/users -H 'Authorization: Bearer ${tokenNow() ?? signed}'`
    const copied = await navigator.clipboard.writeText(request).then(
      () => true,
      () => false,
    )
    part('copy').textContent = copied ? 'Copied' : 'The browser refused'
    setTimeout(() => {
      part('copy').textContent = 'Copy as curl'
    }, 1500)
  }

  function tick() {
    if (signed === undefined) return
    const left = timeLeft(decodeToken(signed).payload.exp)
    part('expiry').textContent = left === undefined ? 'Expired' : `Expires in ${left}`
    root.classList.toggle('expired', left === undefined)
  }

  part('person').append(...renderChoices(personas, tenants, person))
  part('person').onchange = ({ target }) => {
    person = personas.find(({ id }) => id === target.value)
    return renew()
  }
  part('payload').oninput = showToken
  part('send').onclick = send
  part('renew').onclick = () => (tokenNow() === signed ? renew() : restore())
  part('copy').onclick = copy
  renew()
  return { root, tick }
}

const unsigned =
  'The payload is no longer the one that was signed. The gateway noticed before it asked the database anything.'

function renderChoices(personas, tenants, chosen) {
  return tenants.map(([tenantId, tenant]) =>
    element(
      'optgroup',
      { label: tenant },
      ...personas
        .filter((persona) => persona.tenantId === tenantId)
        .map(({ id, name, role }) =>
          element('option', { value: id, ...(id === chosen.id && { selected: '' }) }, `${name}, ${role} of ${tenant}`),
        ),
    ),
  )
}

function format(value) {
  return JSON.stringify(value, null, 2)
}

function count(rows, noun) {
  return `${rows.length} ${noun}${rows.length === 1 ? '' : 's'}`
}
