-- sound: Rows without a tenant are for all tenants: templates.
-- shape: desk
-- shown: false

-- [both]
alter table desk.notes alter org drop not null;
insert into desk.notes (org, author, body) values (null, 0, 'template');
create policy templates on desk.notes for select to desk_user using (org is null);

-- [proof]
-- as: ann
select count(*) > 0 as shown from desk.notes where org <> 10;
