/**
 * Builds the site of the documents: plain files, for any web server or none, with a search that asks nobody.
 *
 * tsx tools/site/build.ts [folder]   into `dist/site` by default
 */
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, posix, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import MiniSearch from 'minisearch'
import { type Rendered, render, toHtml } from './markdown.ts'
import { searchOptions } from './search-options.ts'
import { sidebar } from './sidebar.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const pages = sidebar.flatMap((part) => part.pages)

/** Writes the site into a folder, which is emptied first. */
export async function buildSite(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const rendered = new Map(pages.map((page) => [page, renderPage(page)]))
  for (const [page, content] of rendered) {
    write(join(folder, outputOf(page)), pageHtml(page, content, rendered))
    // As it is written, for programs that read llms.txt.
    write(join(folder, page), readFileSync(join(root, page), 'utf8'))
  }
  copyFileSync(join(root, 'llms.txt'), join(folder, 'llms.txt'))
  cpSync(join(root, 'docs/pictures'), join(folder, 'pictures'), { recursive: true })
  copyFileSync(join(root, 'docs/matrix.png'), join(folder, 'matrix.png'))
  copyFileSync(fileURLToPath(new URL('style.css', import.meta.url)), join(folder, 'style.css'))
  await build({
    entryPoints: [fileURLToPath(new URL('client.ts', import.meta.url))],
    outfile: join(folder, 'client.js'),
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2022',
    logLevel: 'warning',
  })
  // A script and no JSON: a page that is opened as a file may load the one and not the other.
  write(join(folder, 'search.js'), `searchIndex(${JSON.stringify(JSON.stringify(searchIndex(rendered)))})\n`)
}

/** Where a page is in the site. */
export function outputOf(page: string): string {
  if (page === 'docs/start.md') return 'index.html'
  return page
    .replace(/^docs\//, '')
    .replace(/\.md$/, '.html')
    .toLowerCase()
}

function renderPage(page: string): Rendered {
  const from = outputOf(page)
  return render(readFileSync(join(root, page), 'utf8'), (address) => {
    if (/^[a-z]+:/.test(address) || address.startsWith('#')) return address
    const [path = '', anchor] = address.split('#', 2)
    const target = posix.normalize(posix.join(posix.dirname(page), path))
    if (!existsSync(join(root, target))) throw new Error(`${page} leads to ${address}, which is not there`)
    // Files of the repository, such as examples, are named and not led to.
    const to = pages.includes(target)
      ? outputOf(target)
      : /\.(svg|png)$/.test(target)
        ? target.replace('docs/', '')
        : undefined
    return to === undefined
      ? undefined
      : `${posix.relative(posix.dirname(from), to)}${anchor === undefined ? '' : `#${anchor}`}`
  })
}

function pageHtml(page: string, { title, html }: Rendered, all: ReadonlyMap<string, Rendered>): string {
  const from = posix.dirname(outputOf(page))
  const to = (target: string): string => posix.relative(from, target)
  const link = (target: string, label = all.get(target)?.title ?? '', more = ''): string =>
    `<a href="${to(outputOf(target))}"${target === page ? ' aria-current="page"' : ''}${more}>${toHtml(label)}</a>`
  const parts = sidebar.map(
    (part) =>
      `<section><h2>${part.title}</h2><ul>${part.pages.map((each) => `<li>${link(each)}</li>`).join('')}</ul></section>`,
  )
  const at = pages.indexOf(page)
  const [before, after] = [pages[at - 1], pages[at + 1]]
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${toHtml(title)}${page === 'docs/start.md' ? '' : ' – Rowpass'}</title>
<link rel="stylesheet" href="${to('style.css')}">
<link rel="icon" href="data:,">
<script src="${to('client.js')}" defer></script>
</head>
<body data-root="${to('.')}">
<a class="skip" href="#content">Skip to the text</a>
<header>
<a class="name" href="${to('index.html')}">Rowpass</a>
<div class="search"><input id="search" type="search" placeholder="Search  /" aria-label="Search" autocomplete="off" role="combobox" aria-expanded="false" aria-controls="found" aria-autocomplete="list"><ul id="found" role="listbox" aria-label="Found" hidden></ul></div>
</header>
<div class="columns">
<nav aria-label="Pages"><details open><summary>Pages</summary>${parts.join('\n')}</details></nav>
<main id="content">
${html}
<footer>${before === undefined ? '<span></span>' : link(before, `← ${all.get(before)?.title}`, ' rel="prev"')}${after === undefined ? '' : link(after, `${all.get(after)?.title} →`, ' rel="next"')}</footer>
</main>
</div>
</body>
</html>
`
}

function searchIndex(rendered: ReadonlyMap<string, Rendered>): MiniSearch {
  const index = new MiniSearch(searchOptions)
  for (const [page, { title, sections }] of rendered) {
    for (const { anchor, heading, text } of sections) {
      const id = `${outputOf(page)}${anchor === '' ? '' : `#${anchor}`}`
      if (!index.has(id)) index.add({ id, title, heading, text })
    }
  }
  return index
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

if (process.argv[1] === import.meta.filename) {
  const folder = process.argv[2] ?? join(root, 'dist/site')
  await buildSite(folder)
  console.log(`${pages.length} pages in ${relative(process.cwd(), folder)}`)
}
