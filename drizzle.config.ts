import { defineConfig } from 'drizzle-kit'

export default defineConfig({
  dialect: 'postgresql',
  schema: ['./src/schema/tenants.ts', './src/schema/users.ts', './src/schema/memberships.ts'],
  out: './drizzle',
})
