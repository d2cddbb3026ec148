/**
 * What a chaos run takes place in, and what goes wrong there.
 */
import { withConnection } from '../../packages/rowpass/src/database/connect.ts'
import { startPeer } from '../processes.ts'
import type { Caller } from '../scene.ts'
import { type StageIssuer, setStage } from '../stage.ts'
import { chaosSql } from './actions.ts'
import { type Disturbance, killBackends, loseKeySet } from './disturb.ts'

/** A gateway, and who asks it. */
export interface Door {
  readonly port: number
  readonly callers: readonly Caller[]
}

/** Everything around the callers. */
export interface World {
  readonly doors: readonly Door[]
  readonly issuer: StageIssuer
  /** Ports of the servers that take reads when they are no primary. */
  readonly replicaPorts: readonly number[]
  /** The gateways' processes, those that run now. */
  pids(): readonly number[]
  /** The database as a superuser, on the server that takes writes now. */
  superuserUrl(): Promise<string>
  /** What goes wrong, each for itself. @param onNewKey hears that the issuer signs with another key */
  disturbances(requests: number, onNewKey: () => Promise<void>): readonly Disturbance[]
  /** Whether the gateway's process was killed while a request was under way between two times, or a moment before. */
  mayBeLost(startedAt: number, endedAt: number): boolean
  /** What failed inside a gateway, by its log. */
  ownFaults(): Promise<readonly string[]>
  close(): Promise<void>
}

export const owners = 1_000
export const notesOfOne = 10

/** Limits of the gateways. */
export const gatewaySettings = {
  ROWPASS_STATEMENT_TIMEOUT_MS: '200',
  ROWPASS_REQUEST_TIMEOUT_MS: '2000',
  ROWPASS_LOCK_TIMEOUT_MS: '400',
}

/** One gateway and the embedded PostgreSQL. @param gatewayFile path of the compiled subject `gateway` */
export async function startEmbeddedWorld(gatewayFile: string): Promise<World> {
  const stage = await setStage({ owners, notesOfOne, poolSize: 1, settings: gatewaySettings })
  const { database, issuer, scene } = stage
  const superuserUrl = async (): Promise<string> => database.superuserUrl
  await withConnection(database.ownerUrl, (client) => client.query(chaosSql))
  const gateway = startPeer(gatewayFile)
  const close = async (): Promise<void> => {
    await gateway.stop()
    await stage.close()
  }
  try {
    return {
      doors: [{ port: await gateway.ask<number>(scene), callers: scene.callers }],
      issuer,
      replicaPorts: [],
      pids: () => [gateway.pid],
      superuserUrl,
      disturbances: (requests, onNewKey) => [
        killBackends(superuserUrl, requests),
        { name: 'PostgreSQL restarted', at: [0.35, 0.7], run: () => database.restart() },
        ...loseKeySet(issuer, onNewKey),
      ],
      mayBeLost: () => false,
      ownFaults: async () => [],
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}
