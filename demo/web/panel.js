/**
 * One side of the page: a person, their token, and what the API answers to it.
 */
import { get, signIn } from './api.js'
import { decodeToken, replacePayload } from './token.js'
import * as show from './view.js'

/**
 * Builds a panel and signs its person in.
 *
 * @returns the element, and `tick` to be called each second for the countdown
 */
export function createPanel({ template, personas, person: first, label }) {
  const view = show.createView(template, label)
  const { root, part } = view
  const tenants = [...new Map(personas.map(({ tenantId, tenant }) => [tenantId, tenant]))]
  let person = first
  let signed
  let tries
  let pending = new AbortController()

  /** Only the newest request of a panel may show its answer. */
  function begin(text) {
    pending.abort()
    pending = new AbortController()
    show.showBusy(view, text)
    return pending.signal
  }

  async function renew() {
    const signal = begin('Signing in …')
    try {
      signed = await signIn(person.id, signal)
    } catch {
      if (!signal.aborted) show.showFailure(view, 'The sign-in cannot be reached. Is it running?')
      return
    }
    tries = show.showSignedToken(view, signed, { person, tenants })
    tick()
    await send()
  }

  async function send() {
    const token = toToken(part('payload').value, signed)
    show.showEdit(view, token, signed)
    if (token === undefined) return
    const signal = begin('Asking …')
    try {
      const answers = await Promise.all(['/api/tenants', '/api/users'].map((path) => get(path, token, signal)))
      show.showAnswers(view, answers, { person, edited: token !== signed })
    } catch {
      if (!signal.aborted) show.showFailure(view, 'The API cannot be reached. Is it running?')
    }
  }

  function edit(claims) {
    show.showPayload(view, { ...(parseObject(part('payload').value) ?? decodeToken(signed).payload), ...claims })
    return send()
  }

  function undoOrRenew() {
    if (toToken(part('payload').value, signed) === signed) return renew()
    show.showPayload(view, decodeToken(signed).payload)
    return send()
  }

  async function copy() {
    const token = toToken(part('payload').value, signed) ?? signed
    const command = `curl ${location.origin}/api/users -H 'Authorization: Bearer ${token}'`
    const copied = await navigator.clipboard.writeText(command).then(
      () => true,
      () => false,
    )
    part('copy').textContent = copied ? 'Copied' : 'The browser refused'
    setTimeout(() => {
      part('copy').textContent = 'Copy as curl'
    }, 1500)
  }

  function tick() {
    if (signed !== undefined) show.showExpiry(view, decodeToken(signed).payload.exp)
  }

  show.showChoices(view, personas, tenants, person)
  part('person').onchange = ({ target }) => {
    person = personas.find(({ id }) => id === target.value)
    return renew()
  }
  part('payload').oninput = ({ target }) => show.showEdit(view, toToken(target.value, signed), signed)
  part('try-tenant').onclick = () => edit(tries.tenant)
  part('try-role').onclick = () => edit(tries.role)
  part('send').onclick = send
  part('renew').onclick = undoOrRenew
  part('copy').onclick = copy
  renew()
  return { root, tick }
}

/** The token to send: the signed one, an edited payload under its signature, or undefined when it is no JSON object. */
function toToken(text, signed) {
  const payload = parseObject(text)
  if (payload === undefined || signed === undefined) return undefined
  const untouched = JSON.stringify(payload) === JSON.stringify(decodeToken(signed).payload)
  return untouched ? signed : replacePayload(signed, payload)
}

function parseObject(text) {
  try {
    const value = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}
