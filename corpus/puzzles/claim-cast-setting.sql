-- as: {"team": "three"}
-- ask: update app.scores set points = 0
-- happens: 22P02
-- reasons: claim_unfit
-- says: the claim team is "three"
create schema app; grant usage on schema app to puzzle_user;
create table app.scores (team smallint, points int); insert into app.scores values (3, 1);
alter table app.scores enable row level security;
create policy team on app.scores to puzzle_user using (team = current_setting('app.claim.team', true)::smallint);
grant select, update on app.scores to puzzle_user;
