-- expect: none
-- A rule that does nothing, one that is off, and one of a table that requests do not reach.
create table notes (id uuid primary key, owner uuid not null);
create index on notes (owner);
alter table notes enable row level security;
create policy notes_own on notes to authenticated using (owner = (select app.user_id()));
grant select, insert (owner) on notes to authenticated;
create rule no_delete as on delete to notes do instead nothing;
create rule off_now as on insert to notes do also select 1;
alter table notes disable rule off_now;
create table log (id uuid primary key, owner uuid);
create rule into_notes as on insert to log do also insert into notes (id, owner) values (new.id, new.owner);
