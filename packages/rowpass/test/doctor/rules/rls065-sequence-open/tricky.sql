-- expect: RLS065:public.notes_number_seq
-- Of a serial column, by GRANT ALL.
create table notes (number serial primary key);
grant all on all sequences in schema public to public;
