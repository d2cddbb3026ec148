CREATE TABLE "tenants" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"name" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "tenants_name_length" CHECK (char_length("tenants"."name") between 1 and 200)
);
--> statement-breakpoint
ALTER TABLE "tenants" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "users" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"tenant_id" uuid NOT NULL,
	"email" text NOT NULL,
	"name" text NOT NULL,
	"role" text DEFAULT 'member' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "users_tenant_id_email_key" UNIQUE("tenant_id","email"),
	CONSTRAINT "users_email_form" CHECK ("users"."email" ~ '^[^@[:space:][:upper:]]+@[^@[:space:][:upper:]]+$'),
	CONSTRAINT "users_email_length" CHECK (char_length("users"."email") <= 254),
	CONSTRAINT "users_name_length" CHECK (char_length("users"."name") between 1 and 200),
	CONSTRAINT "users_role_known" CHECK ("users"."role" in ('member', 'admin'))
);
--> statement-breakpoint
ALTER TABLE "users" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "users" ADD CONSTRAINT "users_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE restrict ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "users_tenant_id_id_idx" ON "users" USING btree ("tenant_id","id");--> statement-breakpoint
CREATE POLICY "tenants_select" ON "tenants" AS PERMISSIVE FOR SELECT TO "authenticated" USING ("tenants"."id" = (select (auth.session() ->> 'tenant_id')::uuid));--> statement-breakpoint
CREATE POLICY "tenants_insert" ON "tenants" AS PERMISSIVE FOR INSERT TO "authenticated" WITH CHECK ("tenants"."id" = (select (auth.session() ->> 'tenant_id')::uuid) and (select auth.session() ->> 'role') = 'admin');--> statement-breakpoint
CREATE POLICY "tenants_update" ON "tenants" AS PERMISSIVE FOR UPDATE TO "authenticated" USING ("tenants"."id" = (select (auth.session() ->> 'tenant_id')::uuid) and (select auth.session() ->> 'role') = 'admin') WITH CHECK ("tenants"."id" = (select (auth.session() ->> 'tenant_id')::uuid) and (select auth.session() ->> 'role') = 'admin');--> statement-breakpoint
CREATE POLICY "tenants_delete" ON "tenants" AS PERMISSIVE FOR DELETE TO "authenticated" USING ("tenants"."id" = (select (auth.session() ->> 'tenant_id')::uuid) and (select auth.session() ->> 'role') = 'admin');--> statement-breakpoint
CREATE POLICY "users_select" ON "users" AS PERMISSIVE FOR SELECT TO "authenticated" USING ("users"."tenant_id" = (select (auth.session() ->> 'tenant_id')::uuid) and ("users"."id" = (select auth.uid()) or (select auth.session() ->> 'role') = 'admin'));--> statement-breakpoint
CREATE POLICY "users_insert" ON "users" AS PERMISSIVE FOR INSERT TO "authenticated" WITH CHECK ("users"."tenant_id" = (select (auth.session() ->> 'tenant_id')::uuid) and (select auth.session() ->> 'role') = 'admin');--> statement-breakpoint
CREATE POLICY "users_update" ON "users" AS PERMISSIVE FOR UPDATE TO "authenticated" USING ("users"."tenant_id" = (select (auth.session() ->> 'tenant_id')::uuid) and ("users"."id" = (select auth.uid()) or (select auth.session() ->> 'role') = 'admin')) WITH CHECK ("users"."tenant_id" = (select (auth.session() ->> 'tenant_id')::uuid) and ("users"."id" = (select auth.uid()) or (select auth.session() ->> 'role') = 'admin') and ("users"."role" = 'member' or (select auth.session() ->> 'role') = 'admin'));--> statement-breakpoint
CREATE POLICY "users_delete" ON "users" AS PERMISSIVE FOR DELETE TO "authenticated" USING ("users"."tenant_id" = (select (auth.session() ->> 'tenant_id')::uuid) and (select auth.session() ->> 'role') = 'admin');