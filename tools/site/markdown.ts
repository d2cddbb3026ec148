/** Renders a page: markdown as GitHub reads it, with its headings, links and pictures where the site has them. */
import { Marked, type Token } from 'marked'

/** A heading with what stands below it, up to the next one. */
export interface Section {
  /** Empty for the one at the top of a page. */
  readonly anchor: string
  readonly heading: string
  readonly text: string
}

/** A page. */
export interface Rendered {
  readonly title: string
  readonly html: string
  readonly sections: readonly Section[]
}

/** @param locate the address of a link or a picture; undefined for what the site does not have, which is left as text */
export function render(markdown: string, locate: (address: string) => string | undefined): Rendered {
  const slugs = new Map<string, number>()
  const sections: { anchor: string; heading: string; text: string }[] = []
  let title = ''
  const marked = new Marked({
    renderer: {
      heading({ tokens, depth }) {
        const html = this.parser.parseInline(tokens)
        const heading = plain(tokens)
        const anchor = slugOf(heading, slugs)
        if (depth === 1 && title === '') title = heading
        sections.push({ anchor: depth === 1 ? '' : anchor, heading, text: '' })
        const link =
          depth === 1 ? '' : ` <a class="anchor" href="#${anchor}" aria-label="Link to ${toHtml(heading)}">#</a>`
        return `<h${depth} id="${anchor}">${html}${link}</h${depth}>\n`
      },
      link({ href, tokens }) {
        const html = this.parser.parseInline(tokens)
        const address = locate(href)
        return address === undefined ? html : `<a href="${toHtml(address)}">${html}</a>`
      },
      image({ href, text }) {
        return `<img src="${toHtml(locate(href) ?? href)}" alt="${toHtml(text)}">`
      },
      html({ text }) {
        const located = text.replaceAll(
          /\b(src|srcset)="([^"]+)"/g,
          (_, name, at) => `${name}="${toHtml(locate(at) ?? at)}"`,
        )
        return located.replaceAll(/<!--[\s\S]*?-->\n?/g, '')
      },
      table({ header, rows }) {
        const cells = (row: typeof header, tag: string): string =>
          row.map(({ tokens }) => `<${tag}>${this.parser.parseInline(tokens)}</${tag}>`).join('')
        const body = rows.map((row) => `<tr>${cells(row, 'td')}</tr>`).join('\n')
        return `<div class="table" tabindex="0"><table><thead><tr>${cells(header, 'th')}</tr></thead>\n<tbody>${body}</tbody></table></div>\n`
      },
      code({ text, lang }) {
        return `<pre tabindex="0" data-lang="${toHtml(lang ?? '')}"><code>${toHtml(text)}\n</code></pre>\n`
      },
    },
  })
  const tokens = marked.lexer(markdown)
  let html = ''
  for (const token of tokens) {
    html += marked.parser([token])
    const last = sections.at(-1)
    if (token.type !== 'heading' && token.type !== 'html' && last !== undefined) last.text += ` ${plain([token])}`
  }
  return { title, html, sections }
}

/** What GitHub calls a heading; `test/doc-links.test.ts` holds links to the same. */
function slugOf(heading: string, seen: Map<string, number>): string {
  const slug = heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-')
  const count = seen.get(slug) ?? 0
  seen.set(slug, count + 1)
  return count === 0 ? slug : `${slug}-${count}`
}

/** The words of tokens, for the search. */
function plain(tokens: readonly Token[]): string {
  return tokens
    .map((token): string => {
      if (token.type === 'table') {
        const rows: { tokens: Token[] }[][] = [token.header, ...token.rows]
        return rows
          .flat()
          .map((cell) => plain(cell.tokens))
          .join(' ')
      }
      if (token.type === 'list') return plain(token.items)
      if ('tokens' in token && token.tokens !== undefined) return plain(token.tokens)
      return token.type === 'html' ? '' : 'text' in token ? String(token.text) : ' '
    })
    .join('')
}

/** Text as HTML. */
export function toHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
