/**
 * The matrix as one page that needs nothing from anywhere: to be opened from a disk, sent, printed and archived.
 *
 * Whatever comes from the database is escaped; the policy of the page runs its own script and style and loads nothing.
 */
import { createHash } from 'node:crypto'
import { type Command, commands } from '../access/catalog/catalog.ts'
import type { Cell, Line, Matrix, TableMatrix } from './cell.ts'
import { pageScript } from './page-script.ts'
import { pageStyle } from './page-style.ts'
import { toLabel, toSentence } from './wording.ts'

/** Tables and commands that are listed at the top; the tables below mark all cells. */
const maxListed = 50

/**
 * Renders the page as HTML.
 *
 * @example
 * writeFileSync('matrix.html', renderPage(await drawMatrix(client)))
 */
export function renderPage(matrix: Matrix): string {
  const title = `Access matrix of ${matrix.database}`
  const policy = `default-src 'none'; style-src '${hashOf(pageStyle)}'; script-src '${hashOf(pageScript)}'; base-uri 'none'; form-action 'none'`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>${toHtml(title)}</title>
<style>${pageStyle}</style>
</head>
<body>
${masthead(matrix)}
${findings(matrix)}
${controls(matrix)}
<main>
${sections(matrix)}
</main>
${method(matrix)}
<dialog aria-labelledby="detail-title"><form method="dialog"><button aria-label="Close">×</button></form><div id="detail"></div></dialog>
<script type="application/json" id="data">${toData(matrix)}</script>
<script>${pageScript}</script>
</body>
</html>
`
}

function masthead(matrix: Matrix): string {
  const cells = allCells(matrix)
  const facts: [string, string][] = [
    ['Database', matrix.database],
    ['Server', `PostgreSQL ${matrix.server}`],
    ['Made', `${matrix.startedAt.slice(0, 16).replace('T', ' ')} UTC, in ${matrix.seconds.toFixed(1)} s`],
    [
      'Covers',
      `${matrix.subjects.length} identities × ${matrix.tables.length} tables × 4 commands = ${cells.length} cells`,
    ],
    [
      'How',
      matrix.mode === 'tried'
        ? 'each tried in a transaction that was rolled back'
        : 'read only: writes judged by privileges and policies',
    ],
  ]
  return `<header>
<p class="kind">Access matrix</p>
<h1>Who may do what in ${toHtml(matrix.database)}</h1>
<dl>${facts.map(([term, says]) => `<div><dt>${term}</dt><dd>${toHtml(says)}</dd></div>`).join('')}</dl>
</header>`
}

function findings({ tables }: Matrix): string {
  const cells = tables.flatMap(({ lines }) => lines.flatMap((line) => Object.values(line.cells)))
  const crossing = cells.filter(({ crossTenant }) => crossTenant).length
  const untried = cells.filter(({ verdict }) => verdict === 'untried').length
  const says = `${untried} ${untried === 1 ? 'cell was' : 'cells were'} not tried, or not to the end; they are marked, and say why.`
  const aside = untried === 0 ? '' : `<p>${says}</p>`
  if (tables.every(({ tenantColumn }) => tenantColumn === undefined)) {
    return `<section class="verdict unknown"><h2>Cross-tenant access cannot be told: no table has a tenant column</h2>${aside}</section>`
  }
  if (crossing === 0) {
    return `<section class="verdict good"><h2>No cross-tenant access in ${cells.length} cells</h2>${aside}</section>`
  }
  const items = tables
    .flatMap((table, t) => commands.map((command) => finding(table, t, command)))
    .filter((item) => item !== '')
  const more = items.length > maxListed ? `<p>${items.length - maxListed} more are marked below.</p>` : ''
  const head = crossing === 1 ? '1 cell gives' : `${crossing} cells give`
  return `<section class="verdict bad"><h2>${head} access across tenants</h2><ul>${items.slice(0, maxListed).join('')}</ul>${more}${aside}</section>`
}

/** One table and command that crosses tenants, with everybody for whom it does. */
function finding(table: TableMatrix, index: number, command: Command): string {
  const links = table.lines.flatMap((line, row) => {
    const cell = line.cells[command]
    const says = toHtml(describeCrossing(cell, line))
    return cell.crossTenant
      ? [`<li><a href="#${idOf(index, row, command)}">${toHtml(line.subject)}</a> <span>${says}</span></li>`]
      : []
  })
  if (links.length === 0) return ''
  return `<li><b><span class="command">${command}</span> ${toHtml(table.name)}</b><ul>${links.join('')}</ul></li>`
}

function describeCrossing(cell: Cell, line: Line): string {
  const move = cell.move === 'done' || cell.move === 'constraint' ? ' A row can be given to another tenant.' : ''
  return `${toSentence(cell, line)}${move}`
}

function controls({ subjects }: Matrix): string {
  const options = subjects.map(({ name }, index) => `<option value="${index}">${toHtml(name)}</option>`).join('')
  return `<form class="controls" hidden>
<label>Identity <select name="identity"><option value="">all</option>${options}</select></label>
<label>Table <input name="table" type="search" autocomplete="off" placeholder="part of a name"></label>
<label class="check"><input name="crossing" type="checkbox"> cross-tenant only</label>
<output aria-live="polite"></output>
</form>`
}

/** Tables that nobody has a privilege on come last and folded. */
function sections({ tables }: Matrix): string {
  const all = tables.map((table, index) => ({ html: section(table, index), table }))
  const isClosed = ({ lines }: TableMatrix) =>
    lines.every(({ cells }) => Object.values(cells).every(({ verdict }) => verdict === 'grant'))
  const closed = all.filter(({ table }) => isClosed(table))
  const open = all.filter(({ table }) => !isClosed(table)).map(({ html }) => html)
  if (closed.length === 0) return open.join('\n')
  const names = closed.map(({ table }) => `<code>${toHtml(table.name)}</code>`).join(', ')
  const head = closed.length === 1 ? '1 table' : `${closed.length} tables`
  const folded = `<details><summary>Nobody has a privilege on ${head}: ${names}</summary>${closed.map(({ html }) => html).join('\n')}</details>`
  return [...open, folded].join('\n')
}

function section(table: TableMatrix, index: number): string {
  const facts = [
    ...(table.kind === 'table' ? [] : [table.kind]),
    table.rows === undefined ? 'rows unknown' : `${table.rows} ${table.rows === 1 ? 'row' : 'rows'}`,
    ...(table.made === undefined ? [] : [`tried on ${table.made} made for the trial`]),
    table.tenantColumn === undefined ? 'no tenant column' : `tenant in <code>${toHtml(table.tenantColumn)}</code>`,
    ...(table.kind.endsWith('table') ? [`row-level security ${table.rowSecurity}`] : []),
  ]
  const notes = table.notes.map((note) => `<p class="note">${toHtml(note)}</p>`).join('')
  const lines = table.lines.map((line, row) => {
    const cells = commands.map((command) => cellOf(table, line, command, idOf(index, row, command)))
    return `<tr data-identity="${row}"><th scope="row">${toHtml(line.subject)}</th>${cells.join('')}</tr>`
  })
  const head = commands.map((command) => `<th scope="col">${command.toUpperCase()}</th>`).join('')
  return `<section class="table" data-name="${toHtml(table.name.toLowerCase())}">
<h2>${toHtml(table.name)}</h2><p class="facts">${facts.join(' · ')}</p>${notes}
<table><thead><tr><th scope="col">Identity</th>${head}</tr></thead><tbody>${lines.join('')}</tbody></table>
</section>`
}

function cellOf(table: TableMatrix, line: Line, command: Cell['command'], id: string): string {
  const cell = line.cells[command]
  const { main, sub } = toLabel(cell, line)
  const kind = cell.crossTenant ? 'crossing' : kinds[cell.verdict]
  const spoken = `${line.subject}, ${command.toUpperCase()} on ${table.name}: ${main}${sub === '' ? '' : `, ${sub}`}. Details`
  return `<td data-command="${command.toUpperCase()}"><button type="button" class="${kind}" id="${id}" aria-label="${toHtml(spoken)}"><b>${toHtml(main)}</b>${sub === '' ? '' : `<span>${toHtml(sub)}</span>`}</button></td>`
}

const kinds: Readonly<Record<Cell['verdict'], string>> = {
  rows: 'open',
  constraint: 'open',
  none: 'shut',
  empty: 'shut',
  grant: 'shut',
  policy: 'shut',
  error: 'odd',
  untried: 'odd',
}

function method({ notes, subjects, mode }: Matrix): string {
  const identities = subjects.map(
    ({ name, role, claims, tenants }) =>
      `<tr><th scope="row">${toHtml(name)}</th><td data-command="Role"><code>${toHtml(role)}</code></td><td data-command="Tenants">${tenants.map((tenant) => `<code>${toHtml(tenant)}</code>`).join(' ') || 'none'}</td><td data-command="Claims"><code>${toHtml(JSON.stringify(claims))}</code></td></tr>`,
  )
  const how =
    mode === 'tried'
      ? `<li><b>SELECT</b> counts all rows that the identity sees. The number is exact.</li>
<li><b>UPDATE, DELETE</b> run on the whole table with a condition that counts each row the policies let through and holds it back. The number is exact. Then up to three rows of each owner are really changed or removed, to meet WITH CHECK, constraints and triggers.</li>
<li><b>INSERT</b> adds copies of rows that are there, for the own tenant, another one and none, until one is let in. Policies come before constraints, so a row that a constraint stops was let through.</li>
<li>Everything ran in one transaction that was rolled back. Triggers that reach out of it, and sequences, were left alone unless a note says otherwise.</li>`
      : `<li><b>SELECT</b> counts all rows that the identity sees. The number is exact.</li>
<li>The other commands were not run: privileges and policies say what they can.</li>`
  return `<footer><h2>How this was made</h2>
<ul>${how}${notes.map((note) => `<li>${toHtml(note)}</li>`).join('')}</ul>
<h2>Identities</h2>
<table class="identities"><thead><tr><th scope="col">Name</th><th scope="col">Role</th><th scope="col">Tenants</th><th scope="col">Claims</th></tr></thead><tbody>${identities.join('')}</tbody></table>
<p class="note">Made by <code>rowpass matrix</code>. No value of any row is in this page but those of the claims above.</p></footer>`
}

/** Details by id of the cell. Texts are kept once: most statements occur for each identity. */
function toData({ tables }: Matrix): string {
  const texts: string[] = []
  const places = new Map<string, number>()
  const keep = (text: string): number => {
    const known = places.get(text)
    if (known !== undefined) return known
    places.set(text, texts.length)
    return texts.push(text) - 1
  }
  const cells: Record<string, unknown> = {}
  for (const [t, { lines }] of tables.entries()) {
    for (const [l, line] of lines.entries()) {
      for (const command of commands) {
        const cell = line.cells[command]
        cells[idOf(t, l, command)] = [
          keep(describeCrossing(cell, line)),
          cell.notes.map(keep),
          cell.policies.map(keep),
          cell.attempts.map(({ says, sql, outcome, rows, error, sqlstate }) => [
            keep(says),
            keep(sql),
            keep(outcome === 'done' && says.startsWith('count') ? 'counted' : outcome),
            rows ?? null,
            keep(error === undefined ? '' : `${sqlstate ?? ''} ${error}`),
          ]),
        ]
      }
    }
  }
  // A name of the database can hold "</script>".
  return JSON.stringify({ texts, cells }).replaceAll('<', '\\u003c')
}

function allCells({ tables }: Matrix): Cell[] {
  return tables.flatMap(({ lines }) => lines.flatMap(({ cells }) => Object.values(cells)))
}

function idOf(table: number, line: number, command: string): string {
  return `c-${table}-${line}-${command}`
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}

function toHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (found) => `&#${found.charCodeAt(0)};`)
}
