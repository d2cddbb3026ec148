#!/usr/bin/env node
// In a clone the TypeScript sources run as they are; a published package carries `dist` only.
import { existsSync } from 'node:fs'
import process from 'node:process'

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`error: Rowpass needs Node.js 20.19 or newer, and this is ${process.versions.node}`)
  process.exit(1)
}

const sources = new URL('../src/cli/main.ts', import.meta.url)
if (existsSync(sources)) {
  const { register } = await import('tsx/esm/api')
  register()
  await import(sources.href).then(({ runMain }) => runMain())
} else {
  await import(new URL('../dist/cli/main.js', import.meta.url).href).then(({ runMain }) => runMain())
}
