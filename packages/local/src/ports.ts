/**
 * Looks whether ports are free before anything is started.
 */
import { Failure } from 'rowpass'
import { freePort } from './postgres/server.ts'

/**
 * Refuses ports on 127.0.0.1 that another program has, or that are named twice.
 *
 * Does NOT keep them: another program may still take one in the next moment.
 *
 * @throws Failure `port_taken` that names the port and the variable to change it
 */
export async function refuseTakenPorts(wanted: readonly { name: string; port: number }[]): Promise<void> {
  const seen = new Map<number, string>()
  for (const { name, port } of wanted) {
    const other = seen.get(port)
    if (other !== undefined) throw new Failure('config_invalid', { detail: `${other} and ${name} are both ${port}` })
    seen.set(port, name)
    if ((await freePort(port)) !== port) {
      throw new Failure('port_taken', { detail: `127.0.0.1:${port}; set ${name} to another one` })
    }
  }
}
