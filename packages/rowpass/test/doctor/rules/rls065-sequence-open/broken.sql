-- expect: RLS065:public.numbers
create sequence numbers;
grant select, update on sequence numbers to authenticated;
