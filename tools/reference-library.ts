/** Writes docs/library.md from the docstrings of what the packages export. */
import { type Exported, entries, readEntry, readHead } from './library.ts'

/** The page. It reads what is built: `npm run build` first. */
export function libraryPage(): string {
  const sections = Object.keys(entries).map((entry) => {
    const exported = readEntry(entry)
    const values = exported.filter(({ isValue }) => isValue)
    const types = exported.filter(({ isValue, name }) => !isValue && !values.some((value) => value.name === name))
    return [`## ${entry}`, toProse(readHead(entry)), ...values.map(toSection), typesOf(types)]
      .filter(Boolean)
      .join('\n\n')
  })
  return `# Library

What a program imports, from the docstrings that an editor shows. Each example is compiled against the packages as they are
published. Whatever fails throws a \`Failure\` with a \`code\` of [errors.md](errors.md), and an \`OptionError\` where the call itself is
wrong.

${sections.join('\n\n')}
`
}

function toSection({ name, entry, docstring, declaration, example }: Exported): string {
  const [says = '', ...tags] = docstring.split(/^@/m)
  const facts = tags.filter((tag) => !tag.startsWith('example')).map(toFact)
  // The table of failures has a page of its own.
  const code = declaration.replace(/^export (declare )?/, '').replace(/^(const \w+: )\{[\s\S]*$/, '$1{ … }')
  const parts = [`### ${name} (${entry})`, toProse(says), fenced(code), facts.join('\n')]
  return [...parts, ...(example === undefined ? [] : [fenced(example)])].filter(Boolean).join('\n\n')
}

function typesOf(types: readonly Exported[]): string {
  if (types.length === 0) return ''
  const rows = types.map(
    ({ name, docstring }) => `| \`${name}\` | ${toProse(firstSentence(docstring)).replaceAll('|', '\\|')} |`,
  )
  return `Types:\n\n| type | is |\n|---|---|\n${rows.join('\n')}`
}

function toFact(tag: string): string {
  const [, kind = '', text = ''] = /^(\w+)\s*([\s\S]*)$/.exec(tag) ?? []
  const says = toProse(text)
  switch (kind) {
    case 'param':
      return `- ${says.replace(/^(\S+)/, '`$1`:')}`
    case 'returns':
      return `- Returns ${says}`
    case 'throws':
      return `- Throws ${says}`
    case 'see':
      return `- Source: ${says}`
    default:
      throw new TypeError(`a docstring has @${kind}, of which docs/library.md knows nothing`)
  }
}

function firstSentence(docstring: string): string {
  return docstring.split(/^@/m)[0]?.split(/(?<=[.:])\s/)[0] ?? ''
}

function fenced(code: string): string {
  return `\`\`\`ts\n${code.trim()}\n\`\`\``
}

/** One line for each paragraph or item; links to other declarations are their names. */
function toProse(text: string): string {
  return text
    .replaceAll(/\{@link ([^}|\s]+)[^}]*\}/g, '`$1`')
    .replaceAll(/\n(?!\n|\s*[-*|] |```| {4})(?<!\n\n) */g, ' ')
    .trim()
}
