import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { repository } from '../packages/rowpass/test/support/pg.ts'

const action = readFileSync(`${repository}action.yml`, 'utf8')
/** The one program of the action, without the indentation of YAML. */
const program = action.slice(action.indexOf('run: |\n') + 'run: |\n'.length).replaceAll(/^ {8}/gm, '')

describe('the action', () => {
  let directory: string
  let base: string
  const put = (path: string, text: string) => writeFileSync(join(directory, path), text)
  const git = (...argv: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...argv], {
      cwd: directory,
      encoding: 'utf8',
    }).trim()

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'rowpass-action-'))
    mkdirSync(join(directory, 'migrations'))
    put(
      'migrations/1.sql',
      `create table public.action_notes (id int primary key, owner text);
       alter table public.action_notes enable row level security;
       create policy own on public.action_notes for select to action_web using (owner = (select current_setting('app.user', true)));
       grant usage on schema public to action_web; grant select on public.action_notes to action_web;`,
    )
    put('seed.sql', "insert into public.action_notes values (1, 'a'), (2, 'b'), (3, 'b');")
    git('init', '-q', '-b', 'main')
    git('add', '-A')
    git('commit', '-qm', 'base')
    base = git('rev-parse', 'HEAD')
    put('migrations/2.sql', 'create policy "open `x`" on public.action_notes for select to action_web using (id > 1);')
    git('add', '-A')
    git('commit', '-qm', 'head')
  })
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  function run(event: object, inputs: Record<string, string> = {}) {
    put('event.json', JSON.stringify(event))
    for (const name of ['output', 'summary']) put(name, '')
    const { status, stdout, stderr } = spawnSync('bash', ['-c', program], {
      cwd: directory,
      encoding: 'utf8',
      env: {
        PATH: process.env.PATH,
        HOME: directory,
        RUNNER_TEMP: directory,
        GITHUB_EVENT_PATH: join(directory, 'event.json'),
        GITHUB_OUTPUT: join(directory, 'output'),
        GITHUB_STEP_SUMMARY: join(directory, 'summary'),
        OWNER_DATABASE_URL: inject('superuserUrl'),
        INPUT_PATH: '.',
        INPUT_BASE: '',
        INPUT_ROWS: '',
        INPUT_IDENTITIES: '',
        INPUT_FAIL_ON_GAIN: 'true',
        INPUT_COMMAND: `node ${repository}packages/rowpass/bin/rowpass.js`,
        ...inputs,
      },
    })
    const read = (name: string) => readFileSync(join(directory, name), 'utf8')
    return { status, said: stdout + stderr, output: read('output'), summary: read('summary'), read }
  }

  it('reviews a pull request: a comment, SARIF, and a step that fails where somebody gains access', {
    timeout: 120_000,
  }, () => {
    const { status, said, output, summary, read } = run({ pull_request: { base: { sha: base } } })
    expect({ status, said }).toMatchObject({ status: 1 })
    expect(output).toBe(`gain=true\ncomment=${directory}/rowpass-review.md\nsarif=${directory}/rowpass.sarif\n`)
    expect(summary).toBe(read('rowpass-review.md'))
    expect(summary).toMatch(/^## Access: \d gains, 0 losses of access/)
    expect(summary).toContain("of `action_notes` (SELECT) through `open 'x'`")
    const { version, runs } = JSON.parse(read('rowpass.sarif'))
    expect({ version, name: runs[0].tool.driver.name }).toEqual({ version: '2.1.0', name: 'rowpass doctor' })
  })

  it('fails no step that may not fail, and takes the revision that it is given', { timeout: 120_000 }, () => {
    const { status, output } = run(
      {},
      { INPUT_BASE: 'HEAD~1', INPUT_FAIL_ON_GAIN: 'false', INPUT_PATH: 'migrations', INPUT_ROWS: 'seed.sql' },
    )
    expect({ status, output }).toEqual({ status: 0, output: expect.stringContaining('gain=true') })
  })

  it('does not run what an event says', () => {
    const { status, said } = run({ pull_request: { base: { sha: '$(touch pwned); `touch pwned`' } } })
    expect({ status, said }).toEqual({ status: 2, said: expect.stringContaining('error[input_invalid]') })
    expect(() => readFileSync(join(directory, 'pwned'))).toThrow('ENOENT')
  })

  it('wants to know what to compare with', () => {
    expect(run({ push: {} })).toMatchObject({ status: 2, said: expect.stringContaining('This is no pull request') })
  })

  it('puts no input into its program but by the environment', () => {
    expect(program).not.toContain('${{')
  })
})
