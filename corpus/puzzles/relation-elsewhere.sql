-- as: {}
-- ask: select * from planks
-- happens: 42P01
-- reasons: relation_missing
-- says: no relation planks on the search path
-- advice: yard
create schema yard; grant usage on schema yard to puzzle_user;
create table yard.planks (id int); grant select on yard.planks to puzzle_user;
