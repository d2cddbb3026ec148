#!/usr/bin/env node
import process from 'node:process'

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`error: Rowpass needs Node.js 20.19 or newer, and this is ${process.versions.node}`)
  process.exit(1)
}
await import(new URL('../dist/cli/main.js', import.meta.url).href).then(({ runMain }) => runMain())
