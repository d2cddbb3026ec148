-- sound: An administrator, as a claim says, sees more than others: within the tenant.
-- shape: desk
-- shown: false

-- [both]
create policy admin on desk.notes for update to desk_user using (org = (select desk.org()) and (select desk.claims() ->> 'role') = 'admin') with check (org = (select desk.org()));

-- [proof]
-- as: ann
select count(*) > 0 as shown from desk.notes where org <> 10;
