/**
 * (d) The gateway: real HTTP, real tokens, row-level security. With the argument `log` it writes its audit log too. Asked
 * for its `strain`, it tells how long its thread was busy and what its memory was.
 */
import { openSync, writeSync } from 'node:fs'
import { parseGatewayConfig } from '../../packages/rowpass/src/gateway/config.ts'
import { createEventLog } from '../../packages/rowpass/src/gateway/log.ts'
import { createGateway } from '../../packages/rowpass/src/gateway/server.ts'
import type { Scene } from '../scene.ts'
import { type MemoryPeak, watchMemory } from './memory.ts'
import { answerParent } from './serve.ts'
import { type LongestTurn, watchTurns } from './turns.ts'

/** Since the last question, or since the first. */
export interface Strain {
  readonly turn: LongestTurn
  readonly memory: MemoryPeak
}

let watches: { readonly turn: () => LongestTurn; readonly memory: () => MemoryPeak } | undefined

answerParent(async (question: Scene | 'strain') => {
  if (question === 'strain') {
    watches ??= { turn: watchTurns(), memory: watchMemory() }
    return { turn: watches.turn(), memory: watches.memory() } satisfies Strain
  }
  const { gatewayUrl, sealKeys, issuer, settings } = question
  const trusted = { iss: issuer.iss, jwks_url: issuer.jwksUrl, audience: issuer.audience, max_ttl_seconds: 86_400 }
  const config = parseGatewayConfig({
    ROWPASS_DATABASE_URL: gatewayUrl,
    ROWPASS_SEAL_KEYS: sealKeys,
    ROWPASS_ISSUERS: JSON.stringify([trusted]),
    ROWPASS_PRIVATE_JWKS: 'true',
    ROWPASS_PORT: '0',
    ROWPASS_IDENTITY_LIMIT: '100000',
    ...settings,
  })
  const nowhere = openSync('/dev/null', 'w')
  const log = process.argv.includes('log')
    ? createEventLog({ write: (lines) => writeSync(nowhere, lines) }, { holdMs: 20 })
    : undefined
  const gateway = createGateway(config, log === undefined ? {} : { emit: log })
  const url = await gateway.listen()
  while (!gateway.ready()) await new Promise((resolve) => setTimeout(resolve, 10))
  return Number(url.port)
})
