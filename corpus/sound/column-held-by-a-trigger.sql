-- sound: The policy holds the author in USING alone; a trigger refuses to change it.
-- shape: desk
-- shown: 42501

-- [both]
create function desk.hold_author() returns trigger language plpgsql as $$
begin
  if new.author is distinct from old.author then raise exception 'the author stays' using errcode = '42501'; end if;
  return new;
end $$;
create table desk.letters (id bigint generated always as identity primary key, org integer not null, author bigint not null, body text);
create index on desk.letters (org);
alter table desk.letters enable row level security, force row level security;
create policy boss on desk.letters to desk_boss using (true);
create policy read on desk.letters for select to desk_user using (org = (select desk.org()));
create policy own on desk.letters for update to desk_user
  using (org = (select desk.org()) and author = (select desk.me())) with check (org = (select desk.org()));
create trigger hold_author before update on desk.letters for each row execute function desk.hold_author();
grant select, update (author, body) on desk.letters to desk_user;
insert into desk.letters (org, author) values (10, 1);

-- [proof]
-- as: ann
update desk.letters set author = 3;
select true as shown;
