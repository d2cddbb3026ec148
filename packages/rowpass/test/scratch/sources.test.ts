import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readScripts } from '../../src/scratch/sources.ts'

describe('a path of scripts', () => {
  let directory: string
  const put = (path: string, text: string | Buffer = `-- ${path}`) => {
    mkdirSync(dirname(join(directory, path)), { recursive: true })
    writeFileSync(join(directory, path), text)
  }
  const names = (...paths: string[]) => readScripts(directory, paths).map(({ name }) => name)
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'rowpass-sources-'))
    for (const path of ['plain/10_b.sql', 'plain/9_a.sql', 'plain/9_a.down.sql', 'plain/readme.md']) put(path)
    for (const path of ['drizzle/0000_z.sql', 'drizzle/0001_a.sql', 'drizzle/9999_not_in_the_journal.sql']) put(path)
    put(
      'drizzle/meta/_journal.json',
      JSON.stringify({
        entries: [
          { idx: 1, tag: '0001_a' },
          { idx: 0, tag: '0000_z' },
        ],
      }),
    )
    for (const path of ['app/supabase/migrations/2_b.sql', 'app/supabase/migrations/1_a.sql', 'app/supabase/seed.sql'])
      put(path)
    for (const path of ['prisma/20240102_b/migration.sql', 'prisma/20240101_a/migration.sql']) put(path)
    put('both.sql', '-- migrate:up\ncreate table t ();\n-- migrate:down\ndrop table t;')
    put('archive.dump', Buffer.from('PGDMP\u0001\u000f'))
    put('latin.sql', Buffer.from("select 'é'", 'latin1'))
    put('nothing/readme.md')
  })
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  it.each([
    ['plain files by the value of their numbers, without the way back', ['plain'], ['plain/9_a.sql', 'plain/10_b.sql']],
    ["Drizzle's in the order of its journal", ['drizzle'], ['drizzle/0000_z.sql', 'drizzle/0001_a.sql']],
    [
      "Supabase's with the seed after them",
      ['app'],
      ['app/supabase/migrations/1_a.sql', 'app/supabase/migrations/2_b.sql', 'app/supabase/seed.sql'],
    ],
    [
      'the folder of Supabase itself',
      ['app/supabase'],
      ['app/supabase/migrations/1_a.sql', 'app/supabase/migrations/2_b.sql', 'app/supabase/seed.sql'],
    ],
    ["Prisma's", ['prisma'], ['prisma/20240101_a/migration.sql', 'prisma/20240102_b/migration.sql']],
    [
      'several one after the other',
      ['both.sql', 'prisma'],
      ['both.sql', 'prisma/20240101_a/migration.sql', 'prisma/20240102_b/migration.sql'],
    ],
  ])('is %s', (_, paths, expected) => {
    expect(names(...paths)).toEqual(expected)
  })

  it('does not take back what it does', () => {
    expect(readScripts(directory, ['both.sql'])[0]?.text).toBe('-- migrate:up\ncreate table t ();\n')
  })

  it.each([
    ['not-there.sql', 'input_invalid', 'not-there.sql'],
    ['nothing', 'input_invalid', 'nothing has no .sql file'],
    ['archive.dump', 'input_invalid', 'pg_restore --file schema.sql archive.dump'],
    ['latin.sql', 'input_invalid', 'latin.sql is not UTF-8'],
  ])('refuses %s', (path, code, detail) => {
    expect(() => names(path)).toThrow(expect.objectContaining({ code, detail: expect.stringContaining(detail) }))
  })
})
