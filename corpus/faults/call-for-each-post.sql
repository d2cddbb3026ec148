-- fault: auth.uid() is called bare, once for every row.
-- shape: teams
-- objects: public.notes, Own
-- level: warning
-- rowpass: RLS030
-- splinter: auth_rls_initplan
-- requirements: 55
-- shown: true, fixed false

-- [both]
create table notes (id bigint generated always as identity primary key, user_id uuid not null, body text not null);
alter table notes enable row level security;
-- [broken]
create policy "Own" on notes for select to authenticated using (user_id = auth.uid());
-- [fixed]
create policy "Own" on notes for select to authenticated using (user_id = (select auth.uid()));
create index on notes (user_id);

-- [proof]
-- as: ann
set local enable_indexscan = off;
set local enable_bitmapscan = off;
-- plan: select * from notes
select not current_setting('proof.plan')::jsonb @? '$.** ? (@."Parent Relationship" == "InitPlan")' as shown;
