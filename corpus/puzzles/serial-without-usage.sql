-- as: {}
-- ask: insert into firm.tickets (title) values ('x')
-- happens: 42501
-- reasons: grant_missing, rls_off
-- says: no USAGE on sequence firm.tickets_id_seq
-- advice: grant usage on sequence firm.tickets_id_seq to puzzle_user;
create schema firm; grant usage on schema firm to puzzle_user;
create table firm.tickets (id bigserial primary key, title text); grant insert on firm.tickets to puzzle_user;
