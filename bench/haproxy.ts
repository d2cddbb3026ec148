/**
 * HAProxy in front of two gateways, with the configuration that users have: `examples/haproxy`.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from '../packages/local/src/postgres/server.ts'

const program = [...(process.env.PATH ?? '').split(':'), '/usr/sbin']
  .map((folder) => join(folder, 'haproxy'))
  .find((path) => existsSync(path))
const configuration = fileURLToPath(new URL('../examples/haproxy/haproxy.cfg', import.meta.url))

/** A gateway as HAProxy sees it. */
export interface Server {
  readonly isUp: boolean
  /** Requests that it was sent so far. */
  readonly requests: number
  /** Requests under way. */
  readonly current: number
}

/** A running HAProxy. */
export interface Haproxy {
  readonly port: number
  servers(): Promise<readonly Server[]>
  /** Takes a gateway out, by its index, and waits until it has no request under way; or puts it back. */
  take(index: number, state: 'drain' | 'ready'): Promise<void>
  /** Ends it at once. */
  close(): void
}

/**
 * Starts one.
 * @param gatewayPorts two on 127.0.0.1, whether or not a gateway listens there already
 * @param directory for the socket of its administrator
 * @throws Error what has to be installed
 */
export async function startHaproxy(gatewayPorts: readonly number[], directory: string): Promise<Haproxy> {
  if (program === undefined) throw new Error('install what is missing: apt-get install haproxy')
  const port = await freePort()
  const admin = join(directory, 'admin.sock')
  const [first, second] = gatewayPorts
  const child = spawn(program, ['-db', '-f', configuration], {
    env: {
      GATEWAY_1: `127.0.0.1:${first}`,
      GATEWAY_2: `127.0.0.1:${second}`,
      LISTEN: `127.0.0.1:${port}`,
      ADMIN: admin,
    },
    stdio: 'ignore',
  })
  const servers = () => readServers(admin)
  return {
    port,
    servers,
    async take(index, state) {
      await ask(admin, `set server gateways/gateway${index + 1} state ${state}`)
      while (state === 'drain' && (await servers())[index]?.current !== 0) await delay(20)
    },
    close: () => child.kill('SIGKILL'),
  }
}

/** A line of names, then one line for each front, server and back. */
async function readServers(admin: string): Promise<Server[]> {
  const [head = '', ...lines] = (await ask(admin, 'show stat')).trim().split('\n')
  const names = head.slice('# '.length).split(',')
  return lines
    .map((line) => line.split(','))
    .map((fields) => (name: string) => fields[names.indexOf(name)] ?? '')
    .filter((field) => /^gateway\d$/.test(field('svname')))
    .map((field) => ({
      isUp: field('status').startsWith('UP'),
      requests: Number(field('stot')),
      current: Number(field('scur')),
    }))
}

function ask(admin: string, command: string): Promise<string> {
  const socket = connect(admin)
  socket.write(`${command}\n`)
  return text(socket)
}
