-- expect: none
create foreign data wrapper doctor_wrapper;
create server doctor_server foreign data wrapper doctor_wrapper;
create foreign table remote (id uuid) server doctor_server;
