-- expect: RLS001:public.notes
create table notes (id uuid primary key, owner_id uuid not null, body text);
grant select, insert on notes to authenticated;
