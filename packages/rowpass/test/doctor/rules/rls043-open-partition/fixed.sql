-- expect: none
create table events (id uuid, day date, primary key (id, day)) partition by range (day);
create table events_2026 partition of events for values from ('2026-01-01') to ('2027-01-01');
alter table events enable row level security;
create policy events_read on events for select to authenticated using (id = (select app.user_id()));
grant select on events to authenticated;
