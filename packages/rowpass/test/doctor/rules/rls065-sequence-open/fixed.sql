-- expect: none
create sequence numbers;
grant usage on sequence numbers to authenticated;
