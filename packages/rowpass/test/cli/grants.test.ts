import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
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

describe('db grants', () => {
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

  it.each<[string, Record<string, string>, string]>([
    ['no configuration', {}, 'has no drizzle.config.ts'],
    ['a pattern for a schema', { 'drizzle.config.js': `export default { schema: './*.ts' }` }, 'no patterns'],
    ['a schema that fails', { 'drizzle.config.js': `export default { schema: './none.mjs' }` }, 'cannot be loaded'],
  ])('db grants refuses %s', async (_title, files, says) => {
    for (const [name, text] of Object.entries(files)) write(name, text)
    const { code, stderr } = await sandbox.run(['db', 'grants'])
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(says) })
    expect(stderr).toContain('error[config_invalid]')
  })
})
