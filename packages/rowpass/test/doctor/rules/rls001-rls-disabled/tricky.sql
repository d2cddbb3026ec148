-- expect: RLS001:public.by_column | RLS001:"Odd ""schema".files
-- Looks closed: a grant on one column only, and one on a name that needs quotes. And looks open: no way into the schema.
create table by_column (id uuid primary key, body text);
grant select (body) on by_column to authenticated;
create schema "Odd ""schema";
grant usage on schema "Odd ""schema" to public;
create table "Odd ""schema".files (id uuid primary key);
grant select on "Odd ""schema".files to public;
create schema closed;
create table closed.notes (id uuid primary key);
grant select on closed.notes to authenticated;
create table nobodys (id uuid primary key);
