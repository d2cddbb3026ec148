-- sound: A definer trigger writes a row for whoever wrote the first one, and for nobody else.
-- shape: desk
-- shown: false

-- [both]
create table desk.history (org integer not null, author bigint not null, what text not null);
create index on desk.history (org);
alter table desk.history enable row level security, force row level security;
create policy boss on desk.history to desk_boss using (true);
create policy org on desk.history for select to desk_user using (org = (select desk.org()));
grant select on desk.history to desk_user;
create function desk.write_history() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into desk.history values (desk.org(), desk.me(), tg_op);
  return null;
end $$;
create trigger history after insert on desk.notes for each row execute function desk.write_history();

-- [proof]
-- as: ann
insert into desk.notes (org, author) values (10, 1);
-- as: bob
select count(*) > 0 as shown from desk.history;
