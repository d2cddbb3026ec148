/**
 * Requests without end, while the signing key is rotated and a session is ended: a strip for each person shows what became of
 * each request.
 */
import { ask, runSql, signIn } from './api.js'
import { element, partsOf } from './element.js'
import { decodeToken } from './token.js'

const everyMs = 300
/** A session gets a new token this often, so that a new key is seen soon. */
const renewEvery = 5
const maxTicks = 60

/** Takes over the section. @param people both of them @param onKeys is called when another key signs */
export function createLive(root, people, onKeys) {
  const part = partsOf(root)
  let running = false
  let lanes = []

  function start() {
    running = true
    part('toggle').textContent = 'Stop'
    lanes = people.map((person) => createLane(person))
    part('lanes').replaceChildren(...lanes.map(({ root: lane }) => lane))
    part('rotate').disabled = false
    part('end').disabled = false
    part('end').textContent = `End the session of ${people[0].name}`
    part('says').textContent = 'Each mark is one request, with the token that its session has at the time.'
    for (const lane of lanes) void lane.run(() => running)
  }

  function stop() {
    running = false
    part('toggle').textContent = 'Send requests'
    part('rotate').disabled = true
    part('end').disabled = true
  }

  async function rotate() {
    part('rotate').disabled = true
    part('says').textContent =
      'A new key is published beside the old one. It signs when every instance of the API has it …'
    const done = await ask('rotate', { token: people[1].signed })
    part('says').textContent =
      done?.to === undefined
        ? 'The key was not rotated: PRIVATE_KEY or KEY_RING is set, or rowpass dev does not answer.'
        : `Since now ${done.to.slice(0, 6)}… signs. Tokens of ${done.from?.slice(0, 6)}… stay good until they expire.`
    part('rotate').disabled = !running
    onKeys()
  }

  async function end() {
    part('end').disabled = true
    const [lane] = lanes
    const done = await ask('end-session', { token: lane.token() })
    part('says').textContent =
      done === undefined
        ? 'The session was not ended: rowpass dev does not answer.'
        : `The session of ${people[0].name} is ended. Its token has not expired and its signature fits; the next request with it is refused.`
  }

  part('toggle').onclick = () => (running ? stop() : start())
  part('rotate').onclick = rotate
  part('end').onclick = end
}

/** One session: its requests, one after the other. */
function createLane(person) {
  const ticks = element('ol', { class: 'ticks', 'aria-hidden': 'true' })
  const says = element('p', {})
  const root = element('div', { class: 'lane', '--hue': person.hue }, element('h3', {}, person.name), ticks, says)
  const sent = { total: 0, refused: 0 }
  let token = person.signed

  function note(answer) {
    const { kid } = decodeToken(token).header
    sent.total += 1
    if (!answer.ok) sent.refused += 1
    ticks.append(element('li', { class: answer.ok ? 'ok' : 'no', '--key': String(hueOfKey(kid)) }))
    if (ticks.children.length > maxTicks) ticks.firstElementChild.remove()
    root.classList.toggle('over', !answer.ok)
    const refusal = answer.ok ? '' : `, the last by ${answer.error.failure ?? answer.error.code}`
    says.textContent = `${sent.total} sent, ${sent.refused} refused${refusal}; key ${kid.slice(0, 6)}…`
  }

  return {
    root,
    token: () => token,
    async run(isWanted) {
      const { sid } = decodeToken(token).payload
      const query = `select count(*) from ${person.tables[0]?.sql ?? 'users'}`
      // An ended session is asked for a few more times: it stays ended.
      while (isWanted() && sent.refused < 5) {
        if (sent.total % renewEvery === renewEvery - 1 && sent.refused === 0) {
          token = await signIn(person.persona.id, { sid }).catch(() => token)
        }
        note(await runSql(token, query).catch(() => ({ ok: false, error: { code: 'the API is away' } })))
        await new Promise((resolve) => setTimeout(resolve, everyMs))
      }
    },
  }
}

function hueOfKey(kid) {
  return [...kid].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 360, 0)
}
