-- fault: A function is marked LEAKPROOF, and its error message shows the argument: it runs on hidden rows before the policy.
-- shape: helpdesk
-- objects: app.is_counted
-- level: error
-- rowpass: RLS054
-- requirements: 58
-- shown: 22P02, fixed false

-- [both]
reset role;
create function app.is_counted(subject text) returns boolean
  language plpgsql immutable cost 0.1
  as $$ begin return split_part(subject, ' ', 1)::int > 1; end $$;
grant execute on function app.is_counted(text) to saas_api;
set role saas_owner;
-- [broken]
reset role;
alter function app.is_counted(text) leakproof;

-- [proof]
-- as: ann
-- Anybody may say how the rows are read.
set local enable_indexscan = off;
set local enable_bitmapscan = off;
-- The error shows the first word of a ticket of another tenant.
select count(*) = 0 as shown from tickets where app.is_counted(subject);
