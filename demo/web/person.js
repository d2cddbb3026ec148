/**
 * One side of the page: a person, their token, and their rows of every table.
 */
import { ask, runSql, signIn } from './api.js'
import { copyFrom, element, fromTemplate } from './element.js'
import { createRows } from './rows.js'
import { findTables, selectRows } from './tables.js'
import { checkSignature, decodeToken, parseObject, replacePayload, timeLeft } from './token.js'
import { findWall, quoteError } from './walls.js'

/** Hues of the tenants, so that whose rows these are is seen before it is read. */
const hues = [160, 285, 45, 235]

/** What the browser found of the signature. */
const signatures = {
  fits: (kid) => `Signature checked here: fits key ${kid.slice(0, 6)}…`,
  differs: () => 'Signature checked here: does not fit',
  unknown: () => 'Signed with a key that is not published',
  unable: () => 'This browser cannot check the signature',
}

/**
 * Builds a side and signs its person in.
 *
 * @param journey draws what is sent
 * @param keys gives the published keys
 * @param onSignedIn is called when somebody has signed in @param onChange when rows have changed
 */
export function createPerson({ personas, persona: first, label, journey, keys, onSignedIn, onChange }) {
  const { root, part } = fromTemplate('person')
  const tenants = [...new Map(personas.map(({ tenantId, tenant }) => [tenantId, tenant]))]
  let persona = first
  let signed
  let pending = new AbortController()
  const { promise: ready, resolve: setReady } = withResolvers()
  root.setAttribute('aria-label', label)

  const rows = createRows(part('tables'), {
    run: (statement) => person.run(statement),
    why: (statement) => person.why(statement),
    claims: () => decodeToken(signed).payload,
    onChange,
  })

  const person = {
    root,
    /** Settles when a first sign-in has ended, whatever came of it. */
    ready,
    get name() {
      return persona.name
    },
    get persona() {
      return persona
    },
    /** As it was signed; whatever is in the editor. */
    get signed() {
      return signed
    },
    get hue() {
      return hueOf(persona.tenantId)
    },
    get tables() {
      return rows.tables
    },
    /** Runs one statement with the token as it is in the editor, or with another one, and draws its journey. */
    async run({ query, params = [] }, { token = currentToken(), quiet = false, signal } = {}) {
      const answer = await runSql(token, query, params, signal)
      if (!quiet) journey.show({ name: persona.name, hue: person.hue, query, answer })
      return answer
    },
    /** Why it does so little, or is refused; undefined where nobody tells. */
    async why({ query, params = [] }) {
      const told = await ask('why', { token: signed, query, params })
      journey.showPlan(query, told?.plan)
      return told
    },
    refresh: send,
    /** For each second. */
    tick() {
      if (signed === undefined) return
      const left = timeLeft(decodeToken(signed).payload.exp)
      part('expiry').textContent = left === undefined ? 'Expired' : `Expires in ${left}`
      root.classList.toggle('expired', left === undefined)
    },
  }

  function hueOf(tenantId) {
    return hues[tenants.findIndex(([id]) => id === tenantId) % hues.length]
  }

  /** The signed one, an edited payload under its signature, or undefined when that is no JSON object. */
  function currentToken() {
    const payload = parseObject(part('payload').value)
    if (payload === undefined || signed === undefined) return undefined
    const untouched = JSON.stringify(payload) === JSON.stringify(decodeToken(signed).payload)
    return untouched ? signed : replacePayload(signed, payload)
  }

  /** Only the newest request of a side may show its answer. */
  function begin(text) {
    pending.abort()
    pending = new AbortController()
    part('answer').setAttribute('aria-busy', 'true')
    part('verdict').textContent = text
    return pending.signal
  }

  async function renew() {
    const signal = begin('Signing in …')
    try {
      signed = await signIn(persona.id, { signal })
    } catch {
      if (!signal.aborted) fail('The sign-in cannot be reached. Is it running?')
      return setReady()
    }
    showToken()
    person.tick()
    onSignedIn()
    setReady()
    await send()
  }

  /** Asks for the rows of every table, with the token as it is in the editor. */
  async function send() {
    showEdit()
    const token = currentToken()
    if (token === undefined) return
    const signal = begin('Asking …')
    try {
      const found = await findTables((query) => person.run({ query }, { token, signal, quiet: true }))
      if (!found.ok) return refuse(found, token)
      const statements = found.tables.map(selectRows)
      const answers = await Promise.all(
        statements.map((statement, index) => person.run(statement, { token, signal, quiet: index > 0 })),
      )
      const refusal = answers.find(
        ({ error }) => error !== undefined && findWall({ error, steps: {} }).step !== 'postgres',
      )
      if (refusal !== undefined) return refuse(refusal, token)
      rows.show(found.tables, answers, { persona })
      finish(
        false,
        `${persona.name} sees ${found.tables.map(({ name }, index) => count(answers[index], name)).join(', ')}.`,
      )
      await explain(statements, signal)
    } catch (error) {
      if (!signal.aborted) fail('The API cannot be reached. Is it running?')
      if (!(error instanceof TypeError) && error.name !== 'AbortError') throw error
    }
  }

  /** Tells of the rows that are not there. */
  async function explain(statements, signal) {
    for (const [index, statement] of statements.entries()) {
      const told = await person.why(statement)
      if (signal.aborted) return
      if (told !== undefined) rows.explain(index, told)
    }
  }

  function refuse(answer, token) {
    journey.show({ name: persona.name, hue: person.hue, query: 'the rows of every table', answer })
    const { says } = findWall(answer)
    const edited = token !== signed ? 'The payload is no longer the one that was signed. ' : ''
    fail(
      'Refused. No row was read.',
      element('p', { class: 'refusal-by' }, `Stopped by ${says}.`),
      element('p', {}, element('code', {}, quoteError(answer.error))),
      element('p', {}, `${edited}${answer.error.hint ?? ''}`),
    )
  }

  function fail(verdict, ...why) {
    rows.clear(...(why.length > 0 ? [element('div', { class: 'refusal' }, ...why)] : []))
    finish(true, verdict)
  }

  function finish(refused, verdict) {
    root.classList.toggle('refused', refused)
    part('answer').setAttribute('aria-busy', 'false')
    part('verdict').textContent = verdict
  }

  function showToken() {
    const { header, payload, signature } = decodeToken(signed)
    for (const control of root.querySelectorAll(':disabled')) control.disabled = false
    root.style.setProperty('--hue', person.hue)
    part('header').textContent = JSON.stringify(header, null, 1).replaceAll(/\s+/g, ' ')
    part('payload').value = format(payload)
    part('signature').textContent = signature
    part('claims').replaceChildren(
      ...Object.entries(payload)
        .filter(([name]) => !['iss', 'aud', 'iat', 'exp', 'jti', 'client_id'].includes(name))
        .map(([name, value]) =>
          element('div', {}, element('dt', {}, name), element('dd', { title: String(value) }, readable(name, value))),
        ),
    )
  }

  /** A tenant by its name, an id by its beginning. */
  function readable(name, value) {
    const tenant = tenants.find(([id]) => id === value)?.[1]
    if (name === 'tenant_id' && tenant !== undefined) return tenant
    return /^[0-9a-f]{8}-/.test(value) ? `${value.slice(0, 8)}…` : String(value)
  }

  /** Shows whether the token that would be sent is the signed one, an edited one, or none. */
  function showEdit() {
    const token = currentToken()
    const broken = token === undefined
    const edited = token !== signed
    root.classList.toggle('edited', edited)
    part('complaint').hidden = !broken
    part('complaint').textContent = broken ? 'The payload is not a JSON object, so it cannot be sent.' : ''
    part('payload').setAttribute('aria-invalid', String(broken))
    part('send').disabled = broken
    part('send').textContent = edited ? 'Send the edited token' : 'Send again'
    part('undo').hidden = !edited
    if (!broken) void showSignature(token)
  }

  async function showSignature(token) {
    const found = await checkSignature(token, await keys.current(decodeToken(token).header.kid)).catch(() => 'unable')
    if (token !== currentToken()) return
    part('check').textContent = signatures[found](decodeToken(token).header.kid ?? '')
    part('check').dataset.found = found
  }

  function copy() {
    const body = JSON.stringify({
      query: selectRows(rows.tables[0] ?? { sql: 'users', columns: [] }).query,
      params: [],
    })
    return copyFrom(
      part('copy'),
      `curl ${location.origin}/demo/sql -H 'Authorization: Bearer ${currentToken() ?? signed}' -H 'Content-Type: application/json' -d '${body}'`,
    )
  }

  part('persona').append(...tenants.map(([tenantId, tenant]) => toGroup(personas, tenantId, tenant, first)))
  part('persona').onchange = ({ target }) => {
    persona = personas.find(({ id }) => id === target.value)
    return renew()
  }
  part('payload').oninput = showEdit
  part('send').onclick = send
  part('undo').onclick = () => {
    part('payload').value = format(decodeToken(signed).payload)
    return send()
  }
  part('renew').onclick = renew
  part('copy').onclick = copy
  renew()
  return person
}

function withResolvers() {
  let resolve
  const promise = new Promise((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

function toGroup(personas, tenantId, label, chosen) {
  const options = personas
    .filter((each) => each.tenantId === tenantId)
    .map(({ id, name, role, tenant }) =>
      element('option', { value: id, ...(id === chosen.id && { selected: '' }) }, `${name}, ${role} of ${tenant}`),
    )
  return element('optgroup', { label }, ...options)
}

function format(value) {
  return JSON.stringify(value, null, 2)
}

function count({ ok, rows }, name) {
  return ok ? `${rows.length} ${rows.length === 1 ? name.replace(/s$/, '') : name}` : `no ${name}`
}
