-- expect: RLS012:public.countries:countries_read | RLS021:public.drafts:anonymous
-- Rows for everybody on purpose: by a condition of their own, by a policy that says so, by the role itself.
create table articles (id uuid primary key, owner_id uuid not null, published boolean not null);
create index on articles (owner_id);
insert into articles values (gen_random_uuid(), gen_random_uuid(), true), (gen_random_uuid(), gen_random_uuid(), false);
alter table articles enable row level security;
create policy articles_public on articles for select to anonymous using (published);
create policy articles_own on articles for select to anonymous using (owner_id = (select app.user_id()));
create table countries (id text primary key);
insert into countries values ('CH');
alter table countries enable row level security;
create policy countries_read on countries for select to anonymous using (true);
create table shifts (id uuid primary key, worker name not null);
create index on shifts (worker);
insert into shifts values (gen_random_uuid(), 'anonymous');
alter table shifts enable row level security;
create policy shifts_own on shifts for select to anonymous using (worker = current_user);
grant select on articles, countries, shifts to anonymous;
-- In one policy the doctor cannot tell the two apart by trying, so it is a note.
create table drafts (id uuid primary key, owner_id uuid not null, published boolean not null);
create index on drafts (owner_id);
insert into drafts values (gen_random_uuid(), gen_random_uuid(), true);
alter table drafts enable row level security;
create policy drafts_read on drafts for select to anonymous using (published or owner_id = (select app.user_id()));
grant select on drafts to anonymous;
