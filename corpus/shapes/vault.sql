-- shape: Claims that are sealed, in a short form of what Rowpass installs: SQL can write the settings, and not make their seal.
-- owner: vault_owner
-- requests: vault_user
-- schemas: vault
-- person ann: set local role vault_user; select set_config('rowpass.claims', '{"sub": "ann"}', true), set_config('rowpass.seal', 'ada920b0e405075b7df69ea6d304343be94815a7058db4f581963803ad47aead', true);
-- person bob: set local role vault_user; select set_config('rowpass.claims', '{"sub": "bob"}', true), set_config('rowpass.seal', 'ccd3b5b2a23991eea810068b89024d61c5d750631c103b9dfc88ba2ea5fa3950', true);
-- person nobody: set local role vault_user; select set_config('rowpass.claims', '{"sub": "bob"}', true);

create role vault_user nologin;
create role vault_owner nologin;
create role vault_login login noinherit;
grant vault_user to vault_login;
do $$
begin
  execute format('grant create on database %I to vault_owner', current_database());
  execute format('revoke temporary on database %I from public', current_database());
end
$$;
set role vault_owner;
alter default privileges revoke execute on functions from public;
create schema rowpass;
create schema vault;
grant usage on schema rowpass, vault to vault_user;
create table rowpass.seal_keys (secret bytea not null);
insert into rowpass.seal_keys values ('the secret of this shape');
create function rowpass.claims() returns text
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  claims constant text := current_setting('rowpass.claims', true);
begin
  return (
    select claims from rowpass.seal_keys
     where encode(sha256(secret || convert_to(current_setting('role') || claims, 'UTF8')), 'hex') = current_setting('rowpass.seal', true));
end
$$;
create function rowpass.session() returns jsonb language sql stable return rowpass.claims()::jsonb;
grant execute on function rowpass.claims(), rowpass.session() to vault_user;

create table vault.letters (
  id bigint generated always as identity primary key,
  author text not null,
  topic text not null default '',
  body text not null default ''
);
create index on vault.letters (author);
create index on vault.letters (topic);
alter table vault.letters enable row level security;
alter table vault.letters force row level security;
create policy own on vault.letters to vault_user using (author = (select rowpass.session() ->> 'sub'));
grant select, insert (author, topic, body), update (topic, body), delete on vault.letters to vault_user;
reset role;
insert into vault.letters (author, topic, body) values
  ('ann', 'work', 'chairs'), ('ann', 'home', 'lamps'), ('bob', 'work', 'salaries'), ('bob', 'home', 'offers');

-- [works]
-- as: ann
insert into vault.letters (author, body) values ('ann', 'tables');
update vault.letters set topic = 'work' where body = 'tables';
delete from vault.letters where body = 'chairs';
select count(*) = 2 as works from vault.letters;
