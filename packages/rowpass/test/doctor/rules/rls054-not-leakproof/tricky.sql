-- expect: RLS054:app.half(integer)
-- Nobody may execute it, and an operator does.
create function app.half(number integer) returns integer language plpgsql immutable leakproof as $$
begin return 1 / number; end $$;
revoke execute on function app.half(integer) from public;
