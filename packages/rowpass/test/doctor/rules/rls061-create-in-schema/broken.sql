-- expect: RLS061:public
grant create on schema public to public;
