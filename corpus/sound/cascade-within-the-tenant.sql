-- sound: ON DELETE CASCADE by a key that carries the tenant: it never leaves it.
-- shape: desk
-- shown: false

-- [both]
create table desk.comments (org integer not null, note_id bigint not null, body text,
  foreign key (org, note_id) references desk.notes (org, id) on delete cascade);
create index on desk.comments (org, note_id);
alter table desk.comments enable row level security, force row level security;
create policy boss on desk.comments to desk_boss using (true);
create policy org on desk.comments to desk_user using (org = (select desk.org()));
grant select, delete on desk.comments to desk_user;
insert into desk.comments select org, id, 'c' from desk.notes;

-- [proof]
-- as: ann
delete from desk.notes;
reset role;
select count(*) <> 2 as shown from desk.comments where org = 20;
