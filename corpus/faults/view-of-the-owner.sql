-- fault: A view without security_invoker reads with its owner's rights.
-- shape: files
-- objects: public.recent_files
-- level: error
-- rowpass: RLS044
-- splinter: security_definer_view
-- requirements: 49
-- shown: true, fixed false

-- [broken]
create view recent_files as
-- [fixed]
create view recent_files with (security_invoker = true) as
-- [both]
  select f.id, f.name, f.bytes, d.name as folder
    from files f join folders d on d.id = f.folder_id;
grant select on recent_files to saas_api;

-- [proof]
-- as: ann
select count(*) > 0 as shown from recent_files where name = 'return.pdf';
