import { defineConfig } from 'drizzle-kit'

export default defineConfig({
  dialect: 'postgresql',
  // Every module of the folder: a new file in it need not be named anywhere.
  schema: './src/db',
  out: './drizzle',
})
