/**
 * Draws the path of the last request: which step took how long, and where it ended.
 */
import { drawing, element, partsOf } from './element.js'
import { findWall } from './walls.js'

/** The steps that the gateway measures, in their order. */
const measured = ['verify', 'seal', 'judge', 'queue', 'postgres']

/**
 * Takes over the drawing that the page has.
 *
 * @returns `show` for a request that was answered, `showPlan` for what is learnt of it later
 */
export function createJourney(root) {
  const part = partsOf(root)
  let shown

  function show({ name, hue, query, answer }) {
    shown = query
    const { steps, totalMs } = answer
    const wall = findWall(answer)
    root.style.setProperty('--hue', hue)
    root.classList.add('live')
    part('request').replaceChildren(element('strong', {}, name), ': ', element('code', {}, shorten(query)))
    // What is not the gateway's: the API, and HTTP from here to there and back.
    setTime('api', steps.total === undefined ? undefined : totalMs - steps.total)
    for (const step of measured) setTime(step, steps[step] ?? (step === wall?.step ? steps.total : undefined))
    part('total').textContent = format(totalMs)
    part('plan').textContent = 'its plan is not known'
    drawBar(part('bar'), [Math.max(0, totalMs - (steps.total ?? 0)), ...measured.map((step) => steps[step] ?? 0)])
    let passed = true
    for (const step of root.querySelectorAll('[data-step]')) {
      const stops = step.dataset.step === wall?.step
      step.classList.toggle('stopped', stops)
      step.classList.toggle('unreached', !passed)
      if (stops) passed = false
    }
    part('outcome').textContent =
      wall === undefined
        ? `${answer.count} ${answer.count === 1 ? 'row' : 'rows'} in ${format(totalMs)}`
        : `Stopped by ${wall.says}.`
    root.classList.toggle('refused', wall !== undefined)
  }

  function setTime(step, ms) {
    part(step).textContent = ms === undefined ? '–' : format(ms)
  }

  return {
    show,
    /** @param plan as `rowpass dev` gives it: EXPLAIN of the same statement for the same person, asked by the owner */
    showPlan(query, plan) {
      if (query === shown && plan !== undefined) part('plan').textContent = toText(plan)
    },
  }
}

/** The node that reads the table, and what it filters by. */
function toText(plan) {
  const { node, relation, index, conditions: own, below } = leaf(plan)
  const conditions = [...below.filter((each) => each.index !== undefined).flatMap((each) => each.conditions), ...own]
  const name = index === undefined ? `${node}${relation === undefined ? '' : ` on ${relation}`}` : `${node}, ${index}`
  return conditions.length === 0 ? name : `${name}: ${shorten(conditions.join(' and '), 160)}`
}

function leaf(plan) {
  const [below] = plan.below.filter(({ relation, below: more }) => relation !== undefined || more.length > 0)
  return plan.relation !== undefined || below === undefined ? plan : leaf(below)
}

/** One bar as long as the request, a piece for each step. */
function drawBar(svg, times) {
  const total = times.reduce((sum, ms) => sum + ms, 0) || 1
  let x = 0
  const pieces = times.map((ms, index) => {
    const width = (ms / total) * 100
    const piece = drawing('rect', {
      x: x.toFixed(3),
      y: '0',
      width: width.toFixed(3),
      height: '4',
      class: `piece-${index}`,
    })
    x += width
    return piece
  })
  svg.replaceChildren(...pieces)
}

function format(ms) {
  return `${ms < 10 ? ms.toFixed(2) : Math.round(ms)} ms`
}

function shorten(text, length = 90) {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  return line.length <= length ? line : `${line.slice(0, length - 1)}…`
}
