#!/usr/bin/env node
// In a clone the TypeScript sources run as they are; a published package carries `dist` only.
import { existsSync } from 'node:fs'

const sources = new URL('../src/cli/main.ts', import.meta.url)
if (existsSync(sources)) {
  const { register } = await import('tsx/esm/api')
  register()
  await import(sources.href).then(({ runMain }) => runMain())
} else {
  await import(new URL('../dist/cli/main.js', import.meta.url).href).then(({ runMain }) => runMain())
}
