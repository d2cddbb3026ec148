-- sound: A name that is unique within the tenant.
-- shape: desk
-- shown: false

-- [both]
create table desk.labels (org integer not null, name text not null, primary key (org, name));
alter table desk.labels enable row level security, force row level security;
create policy boss on desk.labels to desk_boss using (true);
create policy org on desk.labels to desk_user using (org = (select desk.org()));
grant select, insert on desk.labels to desk_user;
insert into desk.labels values (20, 'secret');

-- [proof]
-- as: ann
insert into desk.labels values (10, 'secret');
select count(*) <> 1 as shown from desk.labels;
