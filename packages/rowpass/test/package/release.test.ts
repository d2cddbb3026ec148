/** What a release is refused for, each in a copy of what it looks at. */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findProblems } from '../../../../tools/release.ts'
import { repository } from '../support/pg.ts'

const folders = ['packages/rowpass', 'packages/local', 'packages/create-rowpass', 'demo']
const git = (...argv: string[]) => execFileSync('git', argv, { cwd: root, stdio: 'pipe' })
let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'rowpass-release-'))
  for (const folder of folders) {
    mkdirSync(join(root, folder), { recursive: true })
    cpSync(join(repository, folder, 'package.json'), join(root, folder, 'package.json'))
    change(folder, { repository: 'https://git.example/rowpass' })
  }
  const { version } = JSON.parse(readFileSync(join(root, 'demo/package.json'), 'utf8'))
  writeFileSync(join(root, 'CHANGELOG.md'), `# Changes\n\n## ${version} - 2026-01-01\n`)
  git('init', '--quiet')
  commit()
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

function change(folder: string, members: Record<string, unknown>): void {
  const path = join(root, folder, 'package.json')
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...members }))
}

function commit(): void {
  git('add', '.')
  git('-c', 'user.name=a', '-c', 'user.email=a@example.com', 'commit', '--quiet', '--message=all')
}

describe('a release', () => {
  it('is ready when nothing is wrong', () => {
    expect(findProblems(root)).toEqual([])
  })

  const faults: readonly [title: string, spoil: () => void, problem: RegExp][] = [
    ['a version of its own', () => change('packages/local', { version: '9.9.9' }), /^packages\/local is 9\.9\.9, and/],
    ['another product', () => change('demo', { dependencies: { rowpass: '9.9.9' } }), /^demo asks for rowpass 9\.9\.9/],
    ['no repository', () => change('packages/rowpass', { repository: undefined }), /has no "repository"/],
    ['no changes', () => writeFileSync(join(root, 'CHANGELOG.md'), '# Changes\n\n## Unreleased\n'), /has no section/],
  ]
  it.each(faults)('is refused for %s', (_, spoil, problem) => {
    spoil()
    commit()
    expect(findProblems(root)).toEqual([expect.stringMatching(problem)])
  })

  it('is refused for what is not committed', () => {
    writeFileSync(join(root, 'more'), '')
    expect(findProblems(root)).toEqual(['the working tree is not clean:\n?? more'])
  })
})
