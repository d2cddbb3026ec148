/** Writes llms.txt: what there is to read, for programs that read before they write. Its form is that of llmstxt.org. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { sidebar } from './site/sidebar.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

/** @param generated pages that are written in the same run, by path */
export function llmsText(generated: Readonly<Record<string, string>>): string {
  const parts = sidebar.map(({ title, pages }) => {
    const lines = pages.map((page) => line(page, generated[page] ?? readFileSync(root + page, 'utf8')))
    return `## ${title}\n\n${lines.join('\n')}`
  })
  return `# Rowpass

> Any SQL, one identity, decided by PostgreSQL: an application signs JSON Web Tokens, a gateway (or the application itself) verifies
> them and seals their claims, and row-level security decides which rows exist. The tools examine policies of any PostgreSQL 15 to 18.

- Nothing to install but npm packages; Node 20.19 or newer. PostgreSQL 18 comes with @rowpass/local.
- Policies are tried and not guessed: \`npx rowpass doctor\`, \`npx rowpass matrix\`, \`npx rowpass why\`, \`npx rowpass review\` take SQL files
  or a database, change nothing, and print JSON with \`--json\`.
- \`npx rowpass explain <code>\` says what an error means and what to do. \`npx rowpass help all\` lists every command.
- Never answer a refusal with \`grant all\`, \`using (true)\`, BYPASSRLS or the owner's connection.

${parts.join('\n\n')}
`
}

function line(page: string, text: string): string {
  const [, title = page] = /^# (.+)$/m.exec(text) ?? []
  const [, first = ''] = /^# .+\n+(?:<!--[\s\S]*?-->\s*)*([^\n#|<`][\s\S]*?)\n\n/m.exec(text) ?? []
  const says = first
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/[*_]{2}/g, '')
    .replaceAll(/\s+/g, ' ')
    .split(/(?<=[.:]) /)[0]
  return `- [${title.replaceAll('`', '')}](${page})${says === undefined || says === '' ? '' : `: ${says.replace(/:$/, '.')}`}`
}
