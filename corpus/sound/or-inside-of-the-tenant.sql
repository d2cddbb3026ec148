-- sound: An OR in parentheses, beside the tenant that holds for both sides.
-- shape: desk
-- shown: false

-- [both]
alter policy org on desk.notes using (org = (select desk.org()) and (state = 'open' or author = (select desk.me()) or state = 'done'));

-- [proof]
-- as: ann
select count(*) > 0 as shown from desk.notes where org <> 10;
