/**
 * Who may do what with the tables of the demo, written by hand: what the gateway and `rowpass matrix` are both held to.
 */

export const neonId = 'f330c503-5e9c-46a7-8393-2995aeb03675'
const otherId = 'e3e0bc31-2df8-4410-9b5d-ff71cf509a8e'
const newId = '5f3f0f4c-8f0b-4d58-9a53-0d0b7a0d3a11'
const david = '2e7e25e8-5445-40bd-8f89-dc19bba64faa'
const amara = '60ae8038-e4f4-4a2c-ab55-47934d41dfd3'
const priya = '030dde22-eae7-4b26-97bf-a1e03772024b'
const stranger = 'aaaaaaaa-8f0b-4d58-9a53-0d0b7a0d3a11'
const lukas = 'd50b17ab-e8a3-4e0c-8093-892565f38b45'
const mei = '07bed1a4-91e7-4570-ab05-ff128e872801'

/**
 * The columns: `neonAdmin` is Amara, whose second tenant is Other Company; `founder` is the admin of a tenant that has no
 * row yet, `claimless` has David's id and nothing else.
 */
export const people = {
  david: { id: david, tenantId: neonId, role: 'member' },
  neonAdmin: { id: '60ae8038-e4f4-4a2c-ab55-47934d41dfd3', tenantId: neonId, role: 'admin' },
  employee: { id: '78a78d6d-0ed0-401c-8322-7885cd1c92ab', tenantId: otherId, role: 'member' },
  otherAdmin: { id: '030dde22-eae7-4b26-97bf-a1e03772024b', tenantId: otherId, role: 'admin' },
  founder: { id: '9d1f6cf0-42a5-4a0c-a8d9-0f4c4ad0a0b2', tenantId: newId, role: 'admin' },
  claimless: { sub: david },
  anonymous: { id: '60ae8038-e4f4-4a2c-ab55-47934d41dfd3', tenantId: neonId, role: 'admin' },
} as const
/** A column of the matrix. */
export type PersonName = keyof typeof people

/** The lines. */
export const attempts: Record<string, string> = {
  'reads tenants': `select id from tenants`,
  'reads Neon': `select name from tenants where id = '${neonId}'`,
  'renames Neon': `update tenants set name = 'Neon' where id = '${neonId}'`,
  'renames every tenant': `update tenants set name = name`,
  'changes the id of Neon': `update tenants set id = '${newId}' where id = '${neonId}'`,
  'changes the age of Neon': `update tenants set created_at = now() where id = '${neonId}'`,
  'creates a tenant of any id': `insert into tenants (name) values ('New')`,
  'creates Neon again': `insert into tenants (id, name) values ('${neonId}', 'Neon')`,
  'creates the founded tenant': `insert into tenants (id, name) values ('${newId}', 'New')`,
  'deletes Neon': `delete from tenants where id = '${neonId}'`,
  'deletes the founded tenant': `delete from tenants where id = '${newId}'`,

  'reads users': `select id from users`,
  'reads David': `select name from users where id = '${david}'`,
  'reads Mei': `select name from users where id = '${mei}'`,
  'reads users with tenants': `select users.id from users join tenants on tenants.id = tenant_id`,
  'renames David': `update users set name = 'David' where id = '${david}'`,
  'renames Mei': `update users set name = 'Mei Tanaka' where id = '${mei}'`,
  'renames everybody': `update users set name = name`,
  'moves David': `update users set tenant_id = '${otherId}' where id = '${david}'`,
  'promotes David': `update users set role = 'admin' where id = '${david}'`,
  'readdresses David': `update users set email = 'dave@neon.example' where id = '${david}'`,
  'creates a member of Neon': `insert into users (tenant_id, email, name) values ('${neonId}', 'a@b.example', 'A')`,
  'creates an admin of Neon': `insert into users (tenant_id, email, name, role) values ('${neonId}', 'c@d.example', 'C', 'admin')`,
  'creates a member elsewhere': `insert into users (tenant_id, email, name) values ('${otherId}', 'a@b.example', 'A')`,
  'creates a second David in Neon': `insert into users (tenant_id, email, name) values ('${neonId}', 'david@neon.example', 'D')`,
  'creates a second David elsewhere': `insert into users (tenant_id, email, name) values ('${otherId}', 'david@neon.example', 'D')`,
  'creates a user of a chosen id': `insert into users (id, tenant_id, email, name) values ('${david}', '${neonId}', 'e@f.example', 'E')`,
  'overwrites David': `insert into users (tenant_id, email, name) values ('${neonId}', 'david@neon.example', 'D') on conflict (tenant_id, email) do update set name = 'David'`,
  'creates a founding member': `insert into users (tenant_id, email, name) values ('${newId}', 'a@b.example', 'A')`,
  'deletes David': `delete from users where id = '${david}'`,
  'deletes Mei': `delete from users where id = '${mei}'`,

  'reads memberships': `select user_id from memberships`,
  'lets Lukas into Neon': `insert into memberships (user_id, tenant_id) values ('${lukas}', '${neonId}')`,
  'lets Mei into Other Company': `insert into memberships (user_id, tenant_id) values ('${mei}', '${otherId}')`,
  'makes Priya an admin of Neon': `insert into memberships (user_id, tenant_id, role) values ('${priya}', '${neonId}', 'admin')`,
  'lets a stranger into Neon': `insert into memberships (user_id, tenant_id) values ('${stranger}', '${neonId}')`,
  'lets Amara into Other Company again': `insert into memberships (user_id, tenant_id) values ('${amara}', '${otherId}')`,
  'demotes Amara in Other Company': `update memberships set role = 'member' where user_id = '${amara}'`,
  'promotes everybody': `update memberships set role = 'admin'`,
  'moves memberships': `update memberships set tenant_id = '${neonId}'`,
  'gives memberships away': `update memberships set user_id = '${david}'`,
  'ends the membership of Mei': `delete from memberships where user_id = '${mei}'`,
  'ends every membership': `delete from memberships`,
}

/**
 * What happens: a number of rows; `grant`, the role lacks the privilege; `policy`, a row fails WITH CHECK; `conflict`, a
 * constraint fails. 0 rows: those there are cannot be seen, or not changed. Written by hand, tried in this order.
 */
export const matrix = `
                                  | david  | neonAdmin | employee | otherAdmin | founder  | claimless | anonymous
  reads tenants                   | 1      | 1         | 1        | 1          | 0        | 0         | grant
  reads Neon                      | 1      | 1         | 0        | 0          | 0        | 0         | grant
  reads users                     | 1      | 4         | 1        | 3          | 0        | 0         | grant
  reads David                     | 1      | 1         | 0        | 0          | 0        | 0         | grant
  reads Mei                       | 0      | 1         | 0        | 0          | 0        | 0         | grant
  reads users with tenants        | 1      | 4         | 1        | 3          | 0        | 0         | grant

  renames Neon                    | 0      | 1         | 0        | 0          | 0        | 0         | grant
  renames every tenant            | 0      | 1         | 0        | 1          | 0        | 0         | grant
  changes the id of Neon          | grant  | grant     | grant    | grant      | grant    | grant     | grant
  changes the age of Neon         | grant  | grant     | grant    | grant      | grant    | grant     | grant
  renames David                   | 1      | 1         | 0        | 0          | 0        | 0         | grant
  renames Mei                     | 0      | 1         | 0        | 0          | 0        | 0         | grant
  renames everybody               | 1      | 4         | 1        | 3          | 0        | 0         | grant
  moves David                     | grant  | grant     | grant    | grant      | grant    | grant     | grant
  promotes David                  | grant  | grant     | grant    | grant      | grant    | grant     | grant
  readdresses David               | grant  | grant     | grant    | grant      | grant    | grant     | grant

  creates a founding member       | policy | policy    | policy   | policy     | conflict | policy    | grant
  creates a tenant of any id      | policy | policy    | policy   | policy     | policy   | policy    | grant
  creates Neon again              | policy | conflict  | policy   | policy     | policy   | policy    | grant
  creates the founded tenant      | policy | policy    | policy   | policy     | 1        | policy    | grant
  creates a member of Neon        | policy | 1         | policy   | policy     | policy   | policy    | grant
  creates an admin of Neon        | policy | 1         | policy   | policy     | policy   | policy    | grant
  creates a member elsewhere      | policy | policy    | policy   | 1          | policy   | policy    | grant
  creates a second David in Neon  | policy | conflict  | policy   | policy     | policy   | policy    | grant
  creates a second David elsewhere| policy | policy    | policy   | 1          | policy   | policy    | grant
  creates a user of a chosen id   | grant  | grant     | grant    | grant      | grant    | grant     | grant
  overwrites David                | policy | 1         | policy   | policy     | policy   | policy    | grant

  reads memberships               | 0      | 1         | 0        | 2          | 0        | 0         | grant
  demotes Amara in Other Company  | 0      | 0         | 0        | 1          | 0        | 0         | grant
  promotes everybody              | 0      | 0         | 0        | 1          | 0        | 0         | grant
  moves memberships               | grant  | grant     | grant    | grant      | grant    | grant     | grant
  gives memberships away          | grant  | grant     | grant    | grant      | grant    | grant     | grant
  lets a stranger into Neon       | policy | conflict  | policy   | policy     | policy   | policy    | grant
  lets Lukas into Neon            | policy | 1         | policy   | policy     | policy   | policy    | grant
  makes Priya an admin of Neon    | policy | 1         | policy   | policy     | policy   | policy    | grant
  lets Amara into Other Company again | policy | policy | policy  | conflict   | policy   | policy    | grant
  lets Mei into Other Company     | policy | policy    | policy   | 1          | policy   | policy    | grant
  ends the membership of Mei      | 0      | 0         | 0        | 1          | 0        | 0         | grant
  ends every membership           | 0      | 3         | 0        | 1          | 0        | 0         | grant

  deletes Neon                    | 0      | conflict  | 0        | 0          | 0        | 0         | grant
  deletes the founded tenant      | 0      | 0         | 0        | 0          | 1        | 0         | grant
  deletes David                   | 0      | 1         | 0        | 0          | 0        | 0         | grant
  deletes Mei                     | 0      | 1         | 0        | 0          | 0        | 0         | grant
`

/** Reads a matrix written as text. */
export function parseMatrix(table: string): [attempt: string, outcomes: Record<PersonName, string>][] {
  const [header, ...lines] = table
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => line.split('|').map((cell) => cell.trim()))
  return lines.map(([attempt, ...cells]) => [
    attempt!,
    Object.fromEntries(cells.map((cell, index) => [header![index + 1], cell])) as Record<PersonName, string>,
  ])
}
