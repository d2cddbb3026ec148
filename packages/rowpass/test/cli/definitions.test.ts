import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findDefinitions } from '../../src/cli/definitions.ts'
import type { Finding } from '../../src/doctor/finding.ts'

describe('where a project defines what a finding is about', () => {
  let directory: string
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'rowpass-definitions-'))
    mkdirSync(join(directory, 'migrations'))
    const files = {
      '1_tables.sql': `create schema app;
create table app.notes (id int);
create table "Odd" (id int);
create policy own on app.notes using (true);
create policy own on "Odd" using (true);
create index notes_id on app.notes (id);`,
      '2_more.sql': `-- a comment; with a semicolon
create or replace function app.f(a int) returns int language plpgsql as $$
begin
  return 1; -- create table app.none ();
end $$;
create view counts as select count(*) from app.notes;
alter policy own on app.notes using (false);
create role reader;`,
      '3_broken.sql': '\\i other.sql',
    }
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, 'migrations', name), text)
  })
  afterAll(() => rmSync(directory, { recursive: true }))

  it.each([
    ['app.notes', undefined, '1_tables.sql', 2],
    ['app.notes', 'own', '2_more.sql', 7],
    ['app.notes', 'notes_id', '1_tables.sql', 6],
    ['app.notes', 'app.notes_id', '1_tables.sql', 6],
    ['app.notes', 'a_column', '1_tables.sql', 2],
    ['public."Odd"', 'own', '1_tables.sql', 5],
    ['app.f(integer)', undefined, '2_more.sql', 2],
    ['public.counts', undefined, '2_more.sql', 6],
    ['app', undefined, '1_tables.sql', 1],
    ['reader', 'app.notes', '1_tables.sql', 2],
    ['reader', undefined, '2_more.sql', 8],
  ])('%s %s is in %s, line %i', async (object, part, file, line) => {
    const definitionOf = await findDefinitions(directory, [])
    const finding = { object, ...(part !== undefined && { part }) } as Finding // only these are read
    expect(definitionOf(finding)).toEqual({ path: `migrations/${file}`, line })
  })

  it('is nowhere for what no script defines, and where there are no scripts', async () => {
    const finding = { object: 'app.none' } as Finding // only this is read
    expect((await findDefinitions(directory, []))(finding)).toBeUndefined()
    expect((await findDefinitions(join(directory, 'nowhere'), []))({ object: 'app.notes' } as Finding)).toBeUndefined()
  })
})
