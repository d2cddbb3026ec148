import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createSandbox, type Sandbox } from '../support/cli.ts'
import { repository } from '../support/pg.ts'

let sandbox: Sandbox
beforeEach(() => {
  sandbox = createSandbox()
  write('package.json', '{ "type": "module" }')
  symlinkSync(join(repository, 'node_modules'), join(sandbox.directory, 'node_modules'))
})
afterEach(() => sandbox.remove())

const write = (name: string, text: string) => writeFileSync(join(sandbox.directory, name), text)

describe('db grants', { timeout: 120_000 }, () => {
  it('db grants writes the migration once, and tells when one is missing', async () => {
    write('drizzle.config.js', `export default { dialect: 'postgresql', schema: './schema.mjs', out: './out' }`)
    write(
      'schema.mjs',
      `import { pgTable, text } from 'drizzle-orm/pg-core'\nexport const closed = pgTable('closed', { a: text() })`,
    )
    mkdirSync(join(sandbox.directory, 'out'))
    expect(await sandbox.run(['db', 'grants', '--check'])).toMatchObject({ code: 1 })
    expect(await sandbox.run(['db', 'grants'])).toMatchObject({ code: 0, stdout: 'wrote 0000_force_and_grants.sql\n' })
    expect(readFileSync(join(sandbox.directory, 'out', '0000_force_and_grants.sql'), 'utf8')).toContain(
      'alter table "public"."closed" force row level security;',
    )
    const again = await sandbox.run(['db', 'grants', '--json'])
    expect(again).toMatchObject({ code: 0, stdout: '{"outdated":false}\n' })
    expect(readdirSync(join(sandbox.directory, 'out')).sort()).toEqual(['0000_force_and_grants.sql', 'meta'])
  })

  /** A table of rowpass/policies, and one as Neon's demo had it. */
  const writeBoth = () => {
    write('drizzle.config.js', `export default { dialect: 'postgresql', schema: './tables', out: './out' }`)
    mkdirSync(join(sandbox.directory, 'tables'))
    write(
      'tables/notes.mjs',
      `import { text } from 'drizzle-orm/pg-core'
import { ownedBy, policies, protectedTable } from 'rowpass/policies'
export const table = protectedTable('notes', { author: text().notNull() }, (t) => policies(t, { all: ownedBy(t.author) }))`,
    )
    write(
      'tables/todos.mjs',
      `import { sql } from 'drizzle-orm'
import { crudPolicy, authenticatedRole } from 'drizzle-orm/neon'
import { pgPolicy, pgTable, text } from 'drizzle-orm/pg-core'
export const table = pgTable('todos', { user: text() }, () => [
  crudPolicy({ role: authenticatedRole, read: sql\`true\`, modify: sql\`false\` }),
  pgPolicy('by hand', { for: 'select', using: sql\`true\` }),
])`,
    )
    const files = () => (existsSync(join(sandbox.directory, 'out')) ? readdirSync(join(sandbox.directory, 'out')) : [])
    return () => files().filter((name) => name.endsWith('.sql'))
  }

  it('db generate names a table with policies of another hand before it has written anything', async () => {
    const migrations = writeBoth()
    for (const command of ['generate', 'grants']) {
      const { code, stderr } = await sandbox.run(['db', command])
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('error[config_invalid]') })
      expect(stderr).toContain('todos has crud-authenticated-policy-select, crud-authenticated-policy-insert')
      expect(stderr).toContain('by hand')
      expect(stderr).toContain('--except <table>')
      expect(stderr).not.toContain('notes')
    }
    expect(migrations()).toEqual([])
    expect((await sandbox.run(['db', 'generate', '--except', 'none'])).stderr).toContain('no table has the name none')
  })

  it('db generate leaves such a table alone on request, and finds every module of the folder', async () => {
    const migrations = writeBoth()
    const made = await sandbox.run(['db', 'generate', '--name', 'first', '--except', 'todos'])
    expect({ code: made.code, stdout: made.stdout }).toEqual({
      code: 0,
      stdout: 'wrote 0000_first.sql\nwrote 0001_force_and_grants.sql\n',
    })
    const [tables, grants] = migrations().map((name) => readFileSync(join(sandbox.directory, 'out', name), 'utf8'))
    expect(tables).toContain('CREATE POLICY "by hand" ON "todos"')
    expect(grants).toContain('-- public.todos is left alone.\n')
    expect(grants).toContain('alter table "public"."notes" force row level security;')
    expect(grants).not.toContain('"todos"')
    const again = await sandbox.run(['db', 'generate', '--except', 'public.todos', '--json'])
    expect(again).toMatchObject({ code: 0, stdout: '{"written":[]}\n' })
  })

  it.each<[string, Record<string, string>, string]>([
    ['no configuration', {}, 'has no drizzle.config.ts'],
    [
      'a pattern of no module',
      { 'drizzle.config.js': `export default { schema: './none/*.ts' }` },
      'no module at ./none',
    ],
    [
      'a schema that fails',
      { 'drizzle.config.js': `export default { schema: './b*.mjs' }`, 'bad.mjs': 'import "./none.mjs"' },
      'cannot be loaded',
    ],
  ])('db grants refuses %s', async (_title, files, says) => {
    for (const [name, text] of Object.entries(files)) write(name, text)
    const { code, stderr } = await sandbox.run(['db', 'grants'])
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(says) })
    expect(stderr).toContain('error[config_invalid]')
  })
})
