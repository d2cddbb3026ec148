-- The gateways that this database serves: the oldest and the newest number of what a gateway sends and calls, which is the
-- form of the seal and rowpass.refuse_ended_session(). A gateway has one number, in `seal/contract.ts`.
create or replace function rowpass.gateway_contracts() returns integer[]
  language sql immutable parallel safe
  return array[1, 1];
grant execute on function rowpass.gateway_contracts() to public;
