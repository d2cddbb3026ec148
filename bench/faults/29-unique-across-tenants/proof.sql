set local role saas_api;
select set_config('app.tenant_id', 'a0000000-0000-4000-8000-00000000000a', true);
insert into customers (tenant_id, name, email) values ('a0000000-0000-4000-8000-00000000000a', 'Guess', 'desk@harbour.example');
select false as shown;
