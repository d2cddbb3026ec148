/**
 * Draws what was measured: SVG for light pages and for dark ones, without a library.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What a picture is drawn with. */
export interface Colours {
  readonly text: string
  readonly rule: string
  /** The first is for what the page is about. */
  readonly series: readonly [string, ...string[]]
}

const themes: Readonly<Record<'light' | 'dark', Colours>> = {
  light: { text: '#1f2328', rule: '#d1d9e0', series: ['#0969da', '#57606a', '#bc4c00', '#8250df'] },
  dark: { text: '#e6edf3', rule: '#3d444d', series: ['#58a6ff', '#9198a1', '#f0883e', '#be8fff'] },
}

const panelWidth = 440
const panelHeight = 270
const frame = { left: 62, right: 118, top: 40, bottom: 44 } as const
const font = 'font-family="system-ui, sans-serif" font-size="12"'
const fold = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

/** One line of a panel. */
export interface Line {
  readonly name: string
  /** One for each place. */
  readonly numbers: readonly number[]
}

/** A panel of lines over places whose ratios are even. */
export interface Lines {
  readonly title: string
  /** What the places are. */
  readonly across: string
  readonly places: readonly number[]
  /** Whether the numbers are drawn by their ratios too; else from zero. */
  readonly logarithmic: boolean
  /** The first is what the page is about. */
  readonly lines: readonly Line[]
}

/** Draws lines, each with its name at its end. */
export function drawLines(colours: Colours, { title, across, places, logarithmic, lines }: Lines): string {
  const all = lines.flatMap(({ numbers }) => numbers)
  const [low, high] = logarithmic ? powersAround(all) : [0, roundUp(Math.max(...all))]
  const toUnit = (value: number) =>
    logarithmic ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low)
  const width = panelWidth - frame.left - frame.right
  const height = panelHeight - frame.top - frame.bottom
  const [first = 1, last = 1] = [places[0], places.at(-1)]
  const x = (place: number) => frame.left + (width * Math.log(place / first)) / Math.log(last / first)
  const y = (value: number) => frame.top + height * (1 - toUnit(value))
  const ticks = logarithmic ? powersBetween(low, high) : [0, 0.25, 0.5, 0.75, 1].map((part) => part * high)
  const rules = ticks.map(
    (tick) =>
      `<path d="M${frame.left} ${at(y(tick))}h${width}" stroke="${colours.rule}"/>` +
      write(colours.text, frame.left - 6, y(tick) + 4, short(tick), 'end'),
  )
  const marks = places.map((place) =>
    write(colours.text, x(place), panelHeight - frame.bottom + 18, short(place), 'middle'),
  )
  const labels = spread(lines.map(({ numbers }) => y(numbers.at(-1) ?? low)))
  const drawn = lines.map(({ name, numbers }, index) => {
    const colour = colours.series[index % colours.series.length] as string
    const path = numbers.map((value, place) => `${place === 0 ? 'M' : 'L'}${at(x(places[place] ?? 1))} ${at(y(value))}`)
    return (
      `<path d="${path.join('')}" fill="none" stroke="${colour}" stroke-width="${index === 0 ? 3 : 1.5}"/>` +
      write(colour, panelWidth - frame.right + 8, (labels[index] ?? 0) + 4, name)
    )
  })
  return [
    write(colours.text, frame.left, 20, title, 'start', 600),
    ...rules,
    ...marks,
    write(colours.text, frame.left + width / 2, panelHeight - 8, across, 'middle'),
    ...drawn.toReversed(),
  ].join('\n')
}

/** One bar of parts, all in the same unit. */
export interface Bar {
  readonly name: string
  readonly parts: readonly number[]
}

/** Draws bars one below the other; `parts` names what they are made of. */
export function drawBars(
  colours: Colours,
  { title, parts, bars }: { readonly title: string; readonly parts: readonly string[]; readonly bars: readonly Bar[] },
): string {
  const left = 130
  const most = Math.max(...bars.map(({ parts: numbers }) => sum(numbers)))
  const width = panelWidth - left - 60
  const step = (panelHeight - frame.top - 36) / bars.length
  const legend = parts.map((name, index) =>
    write(colours.series[index] as string, left + index * 100, panelHeight - 10, `■ ${name}`),
  )
  const drawn = bars.map(({ name, parts: numbers }, index) => {
    const top = frame.top + index * step
    const middle = top + step / 2 + 4
    let from = left
    const boxes = numbers.map((value, part) => {
      const wide = (width * value) / most
      const box = `<rect x="${at(from)}" y="${at(top + 3)}" width="${at(wide)}" height="${at(step - 6)}" fill="${colours.series[part]}"/>`
      from += wide
      return box
    })
    return [
      write(colours.text, left - 8, middle, name, 'end'),
      ...boxes,
      write(colours.text, from + 6, middle, short(sum(numbers))),
    ].join('')
  })
  return [write(colours.text, left, 20, title, 'start', 600), ...drawn, ...legend].join('\n')
}

/** How a page shows a picture. @param folder of the pictures, as seen from the page */
export function toMarkup(name: string, alt: string, folder: string, width?: number): string {
  const size = width === undefined ? '' : ` width="${width}"`
  return [
    '<picture>',
    `  <source media="(prefers-color-scheme: dark)" srcset="${folder}/${name}-dark.svg">`,
    `  <img alt="${alt}" src="${folder}/${name}.svg"${size}>`,
    '</picture>',
  ].join('\n')
}

/**
 * Writes `docs/pictures/<name>.svg` and `<name>-dark.svg`.
 * @param alt what it shows, for those who do not see it
 * @param draw returns the panels from left to right
 */
export function writePicture(name: string, alt: string, draw: (colours: Colours) => readonly string[]): void {
  const folder = fileURLToPath(new URL('../docs/pictures/', import.meta.url))
  mkdirSync(folder, { recursive: true })
  for (const [theme, ending] of [
    ['light', ''],
    ['dark', '-dark'],
  ] as const) {
    const panels = draw(themes[theme])
    const size = `width="${panels.length * panelWidth}" height="${panelHeight}"`
    const moved = panels.map((panel, index) => `<g transform="translate(${index * panelWidth} 0)">\n${panel}\n</g>`)
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" ${size} ${font} role="img">\n<title>${fold(alt)}</title>\n${moved.join('\n')}\n</svg>\n`
    writeFileSync(join(folder, `${name}${ending}.svg`), svg)
  }
}

function write(colour: string, x: number, y: number, text: string, anchor = 'start', weight = 400): string {
  const style = `fill="${colour}" text-anchor="${anchor}" font-weight="${weight}"`
  return `<text x="${at(x)}" y="${at(y)}" ${style}>${fold(text)}</text>`
}

function at(value: number): string {
  return value.toFixed(1)
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, value) => total + value, 0)
}

/** A number as an axis has it: `10 k`, `1 M`. */
function short(value: number): string {
  const [divided, unit] = value >= 1e6 ? [value / 1e6, ' M'] : value >= 1e4 ? [value / 1e3, ' k'] : [value, '']
  return `${divided >= 10 ? Math.round(divided).toLocaleString('en-GB') : Number(divided.toPrecision(2))}${unit}`
}

/** A number from this one on whose quarters are round. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return power * ([1, 2, 4, 8].find((factor) => power * factor >= value) ?? 10)
}

/** The powers of ten that numbers are between. */
function powersAround(numbers: readonly number[]): [number, number] {
  const low = 10 ** Math.floor(Math.log10(Math.min(...numbers)))
  return [low, Math.max(10 ** Math.ceil(Math.log10(Math.max(...numbers))), low * 10)]
}

function powersBetween(low: number, high: number): number[] {
  const count = Math.round(Math.log10(high / low))
  return Array.from({ length: count + 1 }, (_, power) => low * 10 ** power)
}

/** Heights of labels that do not cover each other, each near where it should be. */
function spread(heights: readonly number[]): number[] {
  const placed = heights.map((height, index) => ({ height, index })).sort((one, other) => one.height - other.height)
  for (let index = 1; index < placed.length; index++) {
    const [above, below] = [placed[index - 1], placed[index]]
    if (above !== undefined && below !== undefined) below.height = Math.max(below.height, above.height + 14)
  }
  return placed.sort((one, other) => one.index - other.index).map(({ height }) => height)
}
