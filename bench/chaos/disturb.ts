/**
 * What goes wrong around a gateway wherever it runs, each at its place in the course of the requests.
 */
import type pg from 'pg'
import { withConnection } from '../../packages/rowpass/src/database/connect.ts'
import type { StageIssuer } from '../stage.ts'

/** A disturbance. */
export interface Disturbance {
  readonly name: string
  /** Shares of the run after which it happens, ascending, from 0 to 1. */
  readonly at: readonly number[]
  run(): Promise<void>
}

/** How often something happens in a run: so often in each hundred thousand requests, and not less than `fewest` times. */
export function times(requests: number, perHundredThousand: number, fewest: number): number[] {
  return evenly(Math.max(fewest, Math.round((requests * perHundredThousand) / 100_000)))
}

/** Shares of a run that lie as far from each other as from its ends. */
function evenly(count: number): number[] {
  return Array.from({ length: count }, (_, index) => (index + 0.5) / count)
}

/** Ends one connection of the gateways after the other, whatever it is doing. */
export function killBackends(superuserUrl: () => Promise<string>, requests: number): Disturbance {
  return {
    name: 'backends killed',
    at: times(requests, 100, 10),
    run: () =>
      onServer(superuserUrl, async (client) => {
        await client.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
            where usename = 'rowpass_gateway' and application_name like 'rowpass gateway%' order by random() limit 1`,
        )
      }),
  }
}

/** A key set that is down while the key changes. */
export function loseKeySet(issuer: StageIssuer, onNewKey: () => Promise<void>): Disturbance[] {
  return [
    {
      name: 'key set down, new key',
      at: [0.5],
      async run() {
        issuer.setDown(true)
        await issuer.changeKey()
        await onNewKey()
      },
    },
    { name: 'key set back', at: [0.55], run: async () => issuer.setDown(false) },
  ]
}

/** Runs something as superuser, now or as soon as the server is back. */
export async function onServer(
  superuserUrl: () => Promise<string>,
  work: (client: pg.Client) => Promise<void>,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await withConnection(await superuserUrl(), work)
      return
    } catch (error) {
      if (attempt === 50) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}
