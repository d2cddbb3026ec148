import { defineConfig } from 'drizzle-kit'

export default defineConfig({
  dialect: 'postgresql',
  schema: [
    './packages/rowpass/src/schema/tenants.ts',
    './packages/rowpass/src/schema/users.ts',
    './packages/rowpass/src/schema/memberships.ts',
  ],
  out: './drizzle',
})
