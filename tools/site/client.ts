/** What a page does: it finds, and folds its list of pages away on a small screen. */
import MiniSearch from 'minisearch'
import { searchOptions } from './search-options.ts'

const input = document.querySelector<HTMLInputElement>('#search') as HTMLInputElement
const list = document.querySelector<HTMLUListElement>('#found') as HTMLUListElement
const root = document.body.dataset.root || '.'
const pagesList = document.querySelector('nav details')
const most = 12

let index: MiniSearch | undefined
let chosen = -1

/** `search.js` calls it. */
Object.assign(window, {
  searchIndex(text: string) {
    index = MiniSearch.loadJSON(text, searchOptions)
    show()
  },
})

if (window.matchMedia('(max-width: 60rem)').matches) pagesList?.removeAttribute('open')
const pagesNav = document.querySelector('nav')
const here = document.querySelector<HTMLElement>('nav [aria-current]')
if (pagesNav !== null && here !== null) pagesNav.scrollTop = here.offsetTop - pagesNav.clientHeight / 2

input.addEventListener('focus', load, { once: true })
input.addEventListener('input', show)
input.addEventListener('keydown', (event) => {
  const options = [...list.querySelectorAll('li')]
  if (event.key === 'ArrowDown') choose(options, chosen + 1)
  else if (event.key === 'ArrowUp') choose(options, chosen - 1)
  else if (event.key === 'Enter') (options[Math.max(0, chosen)]?.querySelector('a') ?? undefined)?.click()
  else if (event.key === 'Escape') close()
  else return
  event.preventDefault()
})
document.addEventListener('keydown', (event) => {
  if (event.key !== '/' || event.target instanceof HTMLInputElement) return
  event.preventDefault()
  input.focus()
})
document.addEventListener('click', (event) => {
  if (!(event.target instanceof Node) || !input.parentElement?.contains(event.target)) close()
})

function load(): void {
  const script = document.createElement('script')
  script.src = `${root}/search.js`
  document.head.append(script)
}

function show(): void {
  const words = input.value.trim()
  if (index === undefined || words === '') {
    close()
    return
  }
  const found = index.search(words).slice(0, most)
  const items =
    found.length === 0
      ? [note(`Nothing has "${words}"`)]
      : found.map(({ id, title, heading }) => item(id, title, heading))
  list.replaceChildren(...items)
  list.hidden = false
  input.setAttribute('aria-expanded', 'true')
  chosen = -1
}

function item(id: string, title: string, heading: string): HTMLLIElement {
  const option = document.createElement('li')
  option.role = 'option'
  option.id = `found-${id.replaceAll(/\W/g, '-')}`
  const link = document.createElement('a')
  link.href = `${root}/${id}`
  link.tabIndex = -1
  const page = document.createElement('small')
  page.textContent = title
  link.append(heading, page)
  option.append(link)
  return option
}

function note(text: string): HTMLLIElement {
  const only = document.createElement('li')
  only.textContent = text
  return only
}

function choose(options: readonly HTMLLIElement[], next: number): void {
  if (options.length === 0) return
  chosen = (next + options.length) % options.length
  for (const [at, option] of options.entries()) option.ariaSelected = String(at === chosen)
  const option = options[chosen]
  if (option !== undefined) input.setAttribute('aria-activedescendant', option.id)
  option?.scrollIntoView({ block: 'nearest' })
}

function close(): void {
  list.hidden = true
  input.setAttribute('aria-expanded', 'false')
  input.removeAttribute('aria-activedescendant')
}
