-- sound: An IMMUTABLE function in a policy that asks nobody.
-- shape: desk
-- shown: false

-- [both]
create function desk.is_shown(state text) returns boolean language sql immutable return state <> 'hidden';
alter policy org on desk.notes using (org = (select desk.org()) and desk.is_shown(state));

-- [proof]
-- as: ann
select count(*) > 0 as shown from desk.notes where org <> 10;
