/**
 * What `rowpass dev` prints when everything runs.
 */
import { join, relative } from 'node:path'
import { bold, dim, type Io, type Project, type RunningUrls, red } from 'rowpass/operate'

/** The last line starts with `ready`; programs wait for it. */
export function describeSystem(io: Io, system: { project: Project; urls: RunningUrls; seconds: number }): string {
  const { project, urls, seconds } = system
  const { apiUrl, gatewayUrl } = urls
  // Where npm was called: a script of a workspace runs in another folder.
  const folder = relative(io.env.INIT_CWD ?? io.cwd, io.cwd)
  const logs = ['gateway.log', ...(project.ownerUrl === undefined ? ['postgres.log'] : [])]
  const lines = [
    '',
    ...(project.demo
      ? [
          `  ${red(io, bold(io, 'DEMO is on'))}: anyone who reaches port ${project.port} can sign in as any seeded person.`,
          '  Its page also tells how many rows are hidden from them, and may rotate the signing key.',
          `  It listens on 127.0.0.1 only. Open ${apiUrl} in a browser, or try:`,
          '',
          ...curlLines(apiUrl).map((line) => `    ${line}`),
          ...(project.env.ROWPASS_MCP === 'false' ? [] : agentLines(apiUrl, gatewayUrl)),
        ]
      : ['  DEMO is off: sign a token with "npx rowpass token --help".']),
    ...(project.why
      ? [`  ${red(io, bold(io, 'WHY is on'))}: answers tell how many rows are hidden, and by what.`]
      : []),
    ...(project.env.ROWPASS_ALLOW_EXPLAIN === 'true'
      ? [
          `  ${red(io, bold(io, 'ROWPASS_ALLOW_EXPLAIN is on'))}: anyone who signs in can read hidden rows by their counts.`,
        ]
      : []),
    '',
    dim(io, `  URLs for other programs: ${folder && `cd ${folder} && `}npx rowpass env`),
    dim(io, `  Logs: ${logs.map((name) => join(folder, '.rowpass', name)).join(', ')}`),
    '',
    `ready: API ${apiUrl}, SQL gateway ${gatewayUrl} (${seconds.toFixed(1)} s)`,
  ]
  return `${lines.join('\n')}\n`
}

/** What an assistant that reads `.mcp.json` takes: this very program, wherever the assistant is started. */
function agentLines(apiUrl: string, gatewayUrl: string): string[] {
  const entry = {
    command: process.execPath,
    args: [
      ...[process.argv[1] ?? 'rowpass', 'mcp', '--url', new URL('/mcp', gatewayUrl).href],
      ...['--token-command', `curl -s ${apiUrl}/api/token`],
    ],
  }
  return [
    '',
    '  For an assistant that acts as David, in the .mcp.json of its folder:',
    '',
    `    ${JSON.stringify({ mcpServers: { rowpass: entry } })}`,
  ]
}

/** Plain POSIX shell; sed reads the one member that is needed. */
function curlLines(apiUrl: string): string[] {
  return [
    `TOKEN=$(curl -s ${apiUrl}/api/token | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')`,
    `curl -s ${apiUrl}/api/users -H "Authorization: Bearer $TOKEN"`,
    `curl -s ${apiUrl}/api/tenants -H "Authorization: Bearer $TOKEN"`,
  ]
}
