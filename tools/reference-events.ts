/** Writes docs/events.md from the types of the events and from the metrics as Prometheus reads them. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createMetrics } from '../packages/rowpass/src/gateway/metrics.ts'

const source = fileURLToPath(new URL('../packages/rowpass/src/events.ts', import.meta.url))

/** The page. */
export async function eventsPage(): Promise<string> {
  const text = readFileSync(source, 'utf8')
  const interfaces = [...text.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\nexport interface \w+ \{\n([\s\S]*?)\n\}/g)]
  const events = interfaces.flatMap(([, says = '', body = '']) => {
    const [, type] = /readonly type: '(\w+)'/.exec(body) ?? []
    return type === undefined ? [] : [{ type, says: toText(says), members: membersOf(body) }]
  })
  const names = [...text.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\nexport type (\w+) =\s+((?:\|? ?'\w+'\s*)+)/g)]
  return `# Events and metrics

Every fact that can be observed is an event: a line of JSON in the log of a gateway, with \`event\` for its name, and what
\`emit\` gets in a program (\`rowpass/gateway\`, \`rowpass/verify\`). None has a token, SQL text, a parameter, a connection string or
a secret in it. [production.md](production.md#in-operation) says which of them need attention.

${events.map(({ type, says, members }) => `## ${type}\n\n${says}${members}`).join('\n\n')}

## Names in events

Public: never renamed, never reused.

${names.map(([, says = '', name, values = '']) => `- \`${name}\`: ${[...values.matchAll(/'(\w+)'/g)].map(([, value]) => `\`${value}\``).join(', ')}. ${toText(says)}`).join('\n')}

## Metrics

\`GET /metrics\` on \`ROWPASS_METRICS_PORT\`, for Prometheus. Labels come from the configuration and from closed lists, never from a
request.

| metric | kind | meaning |
|---|---|---|
${await metricRows()}
`
}

function membersOf(body: string): string {
  const members = [...body.matchAll(/(?: {2}\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)? {2}readonly (\w+)(\??): (.*)/g)]
  const rows = members
    .filter(([, , name]) => name !== 'type')
    .map(([, says = '', name, optional, type = '']) => {
      const about = [...(optional === '?' ? ['Not always there.'] : []), toText(says)].join(' ').trim()
      return `| \`${name}\` | \`${type.replaceAll('|', '\\|')}\` | ${about.replaceAll('|', '\\|')} |`
    })
  return rows.length === 0 ? '' : `\n\n| member | type | |\n|---|---|---|\n${rows.join('\n')}`
}

async function metricRows(): Promise<string> {
  const metrics = createMetrics()
  metrics.watch({ open: 0, inFlight: 0, queued: 0, slow: 0, stuck: 0 }, () => true)
  metrics.watchReplicas({ used: 0, answered: 0, askedAgain: 0 })
  const lines = [...(await metrics.text()).matchAll(/^# HELP (\w+) (.*)\n# TYPE \w+ (\w+)$/gm)]
  return lines.map(([, name, says, kind]) => `| \`${name}\` | ${kind} | ${says} |`).join('\n')
}

function toText(comment: string): string {
  const words = comment
    .replaceAll(/^\s*\* ?/gm, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
  return words.replaceAll(/\{@link (\w+)\}/g, (_, name: string) => `\`${name}\``)
}
