-- fault: A foreign key of one column tells whether a hidden note exists.
-- shape: desk
-- objects: desk.links, links_note_id_fkey
-- level: warning
-- rowpass: RLS071
-- shown: true, fixed 23503

-- [broken]
create table desk.links (
  org integer not null,
  note_id bigint not null references desk.notes (id)
);
create index on desk.links (org);
alter table desk.links enable row level security, force row level security;
create policy boss on desk.links to desk_boss using (true);
create policy org on desk.links to desk_user using (org = (select desk.org()));
grant select, insert on desk.links to desk_user;
-- [fixed]
create table desk.links (
  org integer not null,
  note_id bigint not null,
  foreign key (org, note_id) references desk.notes (org, id)
);
create index on desk.links (org);
alter table desk.links enable row level security, force row level security;
create policy boss on desk.links to desk_boss using (true);
create policy org on desk.links to desk_user using (org = (select desk.org()));
grant select, insert on desk.links to desk_user;

-- [proof]
set local role desk_boss;
select set_config('proof.id', id::text, true) from desk.notes where org = 20 limit 1;
-- as: ann
insert into desk.links values (10, current_setting('proof.id')::bigint);
select true as shown;
