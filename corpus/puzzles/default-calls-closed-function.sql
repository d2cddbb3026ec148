-- as: {}
-- ask: insert into firm.codes (name) values ('x')
-- happens: 42501
-- reasons: grant_missing, rls_off
-- says: no EXECUTE on function firm.new_code()
create schema firm; grant usage on schema firm to puzzle_user;
create function firm.new_code() returns text language sql volatile as $$ select 'c' || random() $$;
revoke execute on function firm.new_code() from public;
create table firm.codes (code text default firm.new_code(), name text); grant insert on firm.codes to puzzle_user;
