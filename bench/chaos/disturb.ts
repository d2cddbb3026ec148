/**
 * What goes wrong around the gateway during a chaos run, each at its place in the course of the requests.
 */
import type pg from 'pg'
import { withConnection } from '../../packages/rowpass/src/database/connect.ts'
import type { Stage } from '../stage.ts'

/** A disturbance. */
export interface Disturbance {
  readonly name: string
  /** Shares of the run after which it happens, ascending, from 0 to 1. */
  readonly at: readonly number[]
  run(): Promise<void>
}

const requestsForOneKill = 1_000
const fewestKills = 10

/** The disturbances of one run: killed backends, two restarts, a key set that is down while the key changes. */
export function planDisturbances(stage: Stage, requests: number, onNewKey: () => Promise<void>): Disturbance[] {
  const kills = Math.max(fewestKills, Math.round(requests / requestsForOneKill))
  return [
    {
      name: 'backends killed',
      at: Array.from({ length: kills }, (_, index) => (index + 0.5) / kills),
      run: () => killBackend(stage),
    },
    { name: 'PostgreSQL restarted', at: [0.35, 0.7], run: () => stage.database.restart() },
    {
      name: 'key set down, new key',
      at: [0.5],
      async run() {
        stage.issuer.setDown(true)
        await stage.issuer.changeKey()
        await onNewKey()
      },
    },
    { name: 'key set back', at: [0.55], run: async () => stage.issuer.setDown(false) },
  ]
}

/** Ends one connection of the gateway, whatever it is doing. */
async function killBackend(stage: Stage): Promise<void> {
  await onServer(stage, async (client) => {
    await client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where usename = 'rowpass_gateway' and application_name like 'rowpass gateway %' order by random() limit 1`,
    )
  })
}

/** Runs something as superuser, now or as soon as the server is back. */
export async function onServer(stage: Stage, work: (client: pg.Client) => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await withConnection(stage.database.superuserUrl, work)
      return
    } catch (error) {
      if (attempt === 50) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}
