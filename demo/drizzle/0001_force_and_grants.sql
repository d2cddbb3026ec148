-- What drizzle-kit does not write: FORCE, and the exact privileges. Written by hand; demo/test/db/agreement.test.ts
-- compares it with the database.

-- Without FORCE the policies do not hold for the owner of the tables.
alter table "tenants" force row level security;--> statement-breakpoint
alter table "users" force row level security;--> statement-breakpoint

-- Default privileges of this database may have granted more at CREATE TABLE.
revoke all on "tenants", "users" from public, anonymous, authenticated;--> statement-breakpoint

grant usage on schema public to authenticated;--> statement-breakpoint
grant select, delete on "tenants", "users" to authenticated;--> statement-breakpoint

-- INSERT by column: an `id` of the caller's choice for a user would answer, by a unique violation, whether a hidden row
-- has it. The `id` of a tenant is safe: the policy allows only the one in the token.
grant insert ("id", "name") on "tenants" to authenticated;--> statement-breakpoint
grant insert ("tenant_id", "email", "name", "role") on "users" to authenticated;--> statement-breakpoint

-- UPDATE of the name alone. Not `tenant_id` (moves a row to another tenant), not `role` (promotes its holder), not
-- `email` (a unique violation would tell a member which colleagues exist, whose rows they cannot see).
grant update ("name") on "tenants" to authenticated;--> statement-breakpoint
grant update ("name") on "users" to authenticated;
