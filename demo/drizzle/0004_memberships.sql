CREATE TABLE "memberships" (
	"user_id" uuid NOT NULL,
	"tenant_id" uuid NOT NULL,
	"role" text DEFAULT 'member' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "memberships_pkey" PRIMARY KEY("user_id","tenant_id"),
	CONSTRAINT "memberships_role_known" CHECK ("memberships"."role" in ('member', 'admin'))
);
--> statement-breakpoint
ALTER TABLE "memberships" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE restrict ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE restrict ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "memberships_tenant_id_user_id_idx" ON "memberships" USING btree ("tenant_id","user_id");--> statement-breakpoint
CREATE POLICY "tenants_insert_rowpass_issuer" ON "tenants" AS PERMISSIVE FOR INSERT TO "rowpass_issuer" WITH CHECK (true);--> statement-breakpoint
CREATE POLICY "users_select_rowpass_issuer" ON "users" AS PERMISSIVE FOR SELECT TO "rowpass_issuer" USING (true);--> statement-breakpoint
CREATE POLICY "users_insert_rowpass_issuer" ON "users" AS PERMISSIVE FOR INSERT TO "rowpass_issuer" WITH CHECK ("users"."role" = 'admin');--> statement-breakpoint
CREATE POLICY "memberships_select" ON "memberships" AS PERMISSIVE FOR SELECT TO "authenticated" USING (("memberships"."user_id" = (select auth.uid()) or ("memberships"."tenant_id" = (select auth.claim_uuid('tenant_id')) and (select auth.claim_text('role')) = 'admin')));--> statement-breakpoint
CREATE POLICY "memberships_insert" ON "memberships" AS PERMISSIVE FOR INSERT TO "authenticated" WITH CHECK (("memberships"."tenant_id" = (select auth.claim_uuid('tenant_id')) and (select auth.claim_text('role')) = 'admin'));--> statement-breakpoint
CREATE POLICY "memberships_update" ON "memberships" AS PERMISSIVE FOR UPDATE TO "authenticated" USING (("memberships"."tenant_id" = (select auth.claim_uuid('tenant_id')) and (select auth.claim_text('role')) = 'admin')) WITH CHECK (("memberships"."tenant_id" = (select auth.claim_uuid('tenant_id')) and (select auth.claim_text('role')) = 'admin'));--> statement-breakpoint
CREATE POLICY "memberships_delete" ON "memberships" AS PERMISSIVE FOR DELETE TO "authenticated" USING (("memberships"."user_id" = (select auth.uid()) or ("memberships"."tenant_id" = (select auth.claim_uuid('tenant_id')) and (select auth.claim_text('role')) = 'admin')));--> statement-breakpoint
CREATE POLICY "memberships_select_rowpass_issuer" ON "memberships" AS PERMISSIVE FOR SELECT TO "rowpass_issuer" USING (true);