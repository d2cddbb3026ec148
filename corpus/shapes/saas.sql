-- What every schema of the corpus starts from: an owner that nobody logs in as, the role that the API acts as, and the
-- login that may become it. Run by a superuser; the schema that follows is made by saas_owner.
create role saas_owner nologin;
create role saas_api nologin;
create role saas_login login noinherit;
grant saas_api to saas_login;

alter schema public owner to saas_owner;
revoke create on schema public from public;
grant usage on schema public to saas_api;
do $$
begin
  execute format('revoke temporary on database %I from public', current_database());
  execute format('grant create on database %I to saas_owner', current_database());
end
$$;

-- PostgreSQL lets everybody execute every new function; here a function is granted to whom it is for.
alter default privileges for role saas_owner revoke execute on functions from public;
