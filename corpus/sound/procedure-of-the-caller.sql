-- sound: A procedure with the rights of whoever calls it.
-- shape: desk
-- shown: false

-- [both]
create procedure desk.close_all() language sql as $$ update desk.notes set state = 'done' $$;

-- [proof]
-- as: ann
call desk.close_all();
set local role desk_boss;
select count(*) <> 1 as shown from desk.notes where org = 20 and state = 'done';
