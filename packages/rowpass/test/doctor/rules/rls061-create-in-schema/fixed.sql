-- expect: none
grant usage on schema public to public;
