-- as: {}
-- ask: select * from yard.planks
-- happens: 42501
-- reasons: schema_closed
-- says: in the schema yard, which puzzle_user may not use
-- advice: grant usage on schema yard to puzzle_user;
create schema yard; create table yard.planks (id int); grant select on yard.planks to puzzle_user;
