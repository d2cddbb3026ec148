-- FORCE and grants, written by "rowpass db grants" from the tables; change those and run it again.
grant usage on schema "public" to "authenticated";--> statement-breakpoint
alter table "public"."tenants" force row level security;--> statement-breakpoint
revoke all on "public"."tenants" from public, "anonymous", "authenticated";--> statement-breakpoint
grant select on "public"."tenants" to "authenticated";--> statement-breakpoint
grant insert ("id", "name") on "public"."tenants" to "authenticated";--> statement-breakpoint
grant update ("name") on "public"."tenants" to "authenticated";--> statement-breakpoint
grant delete on "public"."tenants" to "authenticated";--> statement-breakpoint
alter table "public"."users" force row level security;--> statement-breakpoint
revoke all on "public"."users" from public, "anonymous", "authenticated";--> statement-breakpoint
grant select on "public"."users" to "authenticated";--> statement-breakpoint
grant insert ("tenant_id", "email", "name", "role") on "public"."users" to "authenticated";--> statement-breakpoint
grant update ("name") on "public"."users" to "authenticated";--> statement-breakpoint
grant delete on "public"."users" to "authenticated";
