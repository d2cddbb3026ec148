-- fault: Inside of a sub-select an unqualified name means the inner table, so that the row is not asked about.
-- shape: rooms
-- objects: data.messages, visited
-- level: error
-- rowpass: RLS028
-- requirements: 53
-- shown: true, fixed false

-- [broken]
alter policy visited on data.messages
  using (exists (select from data.guests g where g.room = room and g.person = (select data.me())));

-- [proof]
-- as: ann
select count(*) > 0 as shown from data.messages where room = 'barn';
