-- expect: none
create table notes (id uuid primary key default gen_random_uuid(), body text);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
create policy notes_insert on notes for insert to authenticated with check (id = (select app.user_id()));
create policy notes_delete on notes for delete to authenticated using (id = (select app.user_id()));
grant select, insert (body), delete on notes to authenticated;
create table tickets (id uuid primary key default gen_random_uuid(), owner uuid not null, body text);
alter table tickets enable row level security;
create policy tickets_all on tickets to authenticated using (owner = (select app.user_id()));
grant select, insert, update (body), delete on tickets to authenticated;
create index on tickets (owner);
-- What is let through is narrowed by another policy, whatever is done with it.
create table letters (id uuid primary key default gen_random_uuid(), owner uuid not null, body text);
alter table letters enable row level security;
create policy letters_all on letters to authenticated using (true);
create policy letters_own on letters as restrictive to authenticated using (owner = (select app.user_id()));
grant select, insert, update (body), delete on letters to authenticated;
create index on letters (owner);
