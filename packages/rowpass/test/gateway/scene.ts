/**
 * What the attacks are made on: notes of two people behind policies, and functions that a careless owner left around.
 */
import { withConnection } from '../../src/database/connect.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { createTestDatabase, type TestDatabase } from '../support/pg.ts'

/** Text in Bob's note. Whoever else reads it has broken in. */
export const bobsSecret = 'canary-in-the-note-of-bob'

/** Who a request runs as, by the claims that decide; what an attack tries to change. */
export const whoAmI = 'select auth.user_id() as id, current_user as role, pg_backend_pid() as pid'

const notes = `
  create table notes (
    id int generated always as identity primary key,
    owner text not null default auth.user_id(),
    body text not null unique
  );
  alter table notes enable row level security;
  alter table notes force row level security;
  create policy notes_own on notes to authenticated
    using (owner = (select auth.user_id())) with check (owner = (select auth.user_id()));
  grant select, delete on notes to authenticated;
  grant insert (owner, body), update (owner, body) on notes to authenticated;
  alter table notes no force row level security;
  insert into notes (owner, body) values ('ada', 'of ada'), ('bob', '${bobsSecret}');
  alter table notes force row level security;
`

/** Requests wait in it for as long as a session of the superuser holds the lock. */
export const latch = `
  create function wait() returns text language plpgsql volatile as $$
    begin
      perform pg_advisory_xact_lock_shared(815);
      return 'waited';
    end $$;
  grant execute on function wait() to authenticated;
`

/** The worst that an owner can leave: any setting, and any SQL text, for every caller and with the caller's rights. */
const carelessFunctions = `
  create function set_any(name text, value text, local boolean) returns text
    language sql volatile return set_config(name, value, local);
  create function run(command text) returns text language plpgsql volatile as $$
    declare answer text;
    begin
      if command ~* '^ *(select|with|values|table|show) ' then execute command into answer; else execute command; end if;
      return answer;
    end $$;
  grant execute on function set_any(text, text, boolean), run(text) to authenticated;
`

/** A gateway over the scene, and the tokens of two people. */
export interface Scene {
  readonly database: TestDatabase
  readonly gateway: TestGateway
  readonly ada: string
  readonly bob: string
  /** Runs SQL as the owner of the database. */
  asOwner(sql: string): Promise<Record<string, unknown>[]>
  /** Runs SQL as a superuser in the same database. */
  asSuperuser(sql: string): Promise<Record<string, unknown>[]>
  close(): Promise<void>
}

/**
 * @param settings `ROWPASS_*` settings that differ from the defaults
 * @param setUp further SQL of the owner, run before the gateway starts
 */
export async function startScene(settings: Record<string, string> = {}, setUp = ''): Promise<Scene> {
  const database = await createTestDatabase({ contents: 'platform' })
  const rowsOf = (url: string, sql: string): Promise<Record<string, unknown>[]> =>
    withConnection(url, async (client) => (await client.query(sql)).rows)
  await rowsOf(database.ownerUrl, notes + carelessFunctions + setUp)
  const gateway = await startTestGateway(database, settings)
  return {
    database,
    gateway,
    ada: await gateway.issuer.token('ada'),
    bob: await gateway.issuer.token('bob'),
    asOwner: (sql) => rowsOf(database.ownerUrl, sql),
    asSuperuser: (sql) => rowsOf(database.superuserUrl, sql),
    async close() {
      await gateway.close()
      await database.close()
    },
  }
}
