-- sound: The first part of a path is the person, compared as a whole.
-- shape: rooms
-- shown: false

-- [both]
create table data.files (path text primary key);
create index on data.files (split_part(path, '/', 1));
alter table data.files enable row level security;
create policy own on data.files for select to rooms_user using (split_part(path, '/', 1) = (select data.me()));
grant select on data.files to rooms_user;
insert into data.files values ('bob/diary');

-- [proof]
-- as: nobody
select count(*) > 0 as shown from data.files;
