/**
 * Where a gateway listens, and what to say where it cannot.
 */
import type { Server } from 'node:net'
import { errnoOf, isErrno } from '../../database/private-files.ts'
import { Failure } from '../../errors.ts'
import type { GatewayConfig } from '../config.ts'
import { variableOf } from '../setting-kinds.ts'

/** Where SQL is sent to. */
export const sqlPath = '/sql'

/**
 * Listens on a port of the configuration.
 * @returns the port
 * @throws Failure `port_taken`, `config_invalid`; both name the setting
 */
export async function listenOn(
  server: { listen(port: number, host: string): Promise<number> },
  config: Pick<GatewayConfig, 'host' | 'port' | 'metricsPort'>,
  name: 'port' | 'metricsPort',
): Promise<number> {
  const port = config[name]
  try {
    return await server.listen(port, config.host)
  } catch (error) {
    const [setting, place] = [variableOf(name), `${config.host}:${port}`]
    if (isErrno(error, 'EADDRINUSE'))
      throw new Failure('port_taken', { detail: `${place}; set ${setting} to another one`, cause: error })
    const detail = `${setting}, ROWPASS_HOST: nothing can listen on ${place} (${errnoOf(error)})`
    throw new Failure('config_invalid', { detail, cause: error })
  }
}

/** Listens; resolves with the port, rejects with node's error. */
export function bind(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}

/** The URL of `POST /sql`. */
export function urlOf(host: string, port: number): URL {
  return new URL(`http://${host.includes(':') ? `[${host}]` : host}:${port}${sqlPath}`)
}
