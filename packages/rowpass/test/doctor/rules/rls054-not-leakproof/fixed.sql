-- expect: none
create function app.half(number integer) returns integer language sql immutable return 1 / number;
