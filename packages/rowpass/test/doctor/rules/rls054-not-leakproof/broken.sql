-- expect: RLS054:app.half(integer)
create function app.half(number integer) returns integer language sql immutable leakproof return 1 / number;
