-- as: {"who": "ada"}
-- ask: insert into app.mail (box, body) values ('ada', 'buy now')
-- happens: 0
-- reasons: trigger_passes_over
-- says: no_spam of app.mail, app.drop_spam()
-- advice: return NEW
create schema app; grant usage on schema app to puzzle_user;
create table app.mail (n int generated always as identity, box text, body text);
create function app.drop_spam() returns trigger language plpgsql as
  $$ begin if new.body like 'buy%' then return null; end if; return new; end $$;
create trigger no_spam before insert on app.mail for each row execute function app.drop_spam();
alter table app.mail enable row level security;
create policy own on app.mail to puzzle_user using (box = current_setting('jwt.claims.who', true));
grant select, insert on app.mail to puzzle_user;
