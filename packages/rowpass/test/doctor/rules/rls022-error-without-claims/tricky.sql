-- expect: RLS022:public.visits:authenticated
-- Raised on purpose is an error as well; what a statement ends in for everybody is not about claims.
create function app.caller() returns uuid language plpgsql stable as $$
  begin
    if app.user_id() is null then
      raise exception 'nobody is logged in';
    end if;
    return app.user_id();
  end $$;
create table visits (id uuid primary key, owner_id uuid not null);
create index on visits (owner_id);
insert into visits values (gen_random_uuid(), gen_random_uuid());
alter table visits enable row level security;
create policy visits_read on visits for select to authenticated using (owner_id = (select app.caller()));
create table notes (id uuid primary key, owner_id uuid not null);
create index on notes (owner_id);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (owner_id = (select app.user_id()));
grant select on visits, notes to authenticated;
