import { beforeAll, expect, it } from 'vitest'
import type { Matrix } from '../../src/matrix/cell.ts'
import { describePg } from '../support/pg.ts'
import { ada, bob, cellOf, drawOf, role } from './scene.ts'

const columns = ['user_id', 'owner_id', 'author_id', 'created_by', 'assignee'] as const

/** A row of Ada's and one of Bob's, without tenants and with integer keys; the person stands first. */
function diary(name: string, column: string, grants: string): string {
  return `
    create table ${name} (id int primary key, ${column} uuid, title text, body text);
    insert into ${name} values (1, '${ada}', 'a', 'a'), (2, '${bob}', 'b', 'b');
    alter table ${name} enable row level security;
    create policy p on ${name} to ${role} using (${column} = claim_sub());
    grant ${grants} on ${name} to ${role};`
}

const scene = [
  'drop table tenants;',
  ...columns.map((column) => diary(`by_${column}`, column, 'select, insert, update, delete')),
  diary('lone', 'user_id', 'select, update (user_id)'),
  diary('unseen', 'user_id', 'update (user_id), delete'),
].join('\n')

describePg('a matrix of rows that belong to persons', () => {
  let matrix: Matrix
  beforeAll(async () => {
    const file = JSON.stringify([
      { name: 'ada', claims: { sub: ada } },
      { name: 'bob', claims: { sub: bob } },
    ])
    matrix = await drawOf(scene, { file })
  })

  it.each(columns)('tries UPDATE with a value that no policy reads, where %s says whose the row is', (column) => {
    for (const name of ['ada', 'bob']) {
      const cell = cellOf(matrix, `public.by_${column}`, name, 'update')
      expect(cell).toMatchObject({ verdict: 'rows', reached: { any: 1 } })
      expect(cell.attempts[0]?.sql).toBe(`update public.by_${column} set "title" = $1`)
    }
    expect(cellOf(matrix, `public.by_${column}`, `no claims (${role})`, 'update')).toMatchObject({ verdict: 'none' })
  })

  it("tries it with the row's own value where that is the only column", () => {
    for (const name of ['ada', 'bob']) {
      const cell = cellOf(matrix, 'public.lone', name, 'update')
      expect(cell).toMatchObject({ verdict: 'rows', reached: { any: 1 } })
      expect(cell.attempts.at(-1)?.sql).toBe('update public.lone set "user_id" = "user_id"')
    }
  })

  it('tries it with the value of another row where the role may read none, and says what refuses', () => {
    expect(cellOf(matrix, 'public.unseen', 'ada', 'update')).toMatchObject({ verdict: 'rows' })
    expect(cellOf(matrix, 'public.unseen', 'bob', 'update')).toMatchObject({
      verdict: 'policy',
      notes: [expect.stringMatching(/WITH CHECK refuses the change/)],
    })
  })
})
