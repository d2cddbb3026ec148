import { neonConfig } from '@neondatabase/serverless'
import WebSocket from 'ws'

/** Sends everything that @neondatabase/serverless does to one gateway. Call it once, before the first query. */
export function pointDriverAt(gateway: URL): void {
  neonConfig.fetchEndpoint = new URL('/sql', gateway).href
  neonConfig.wsProxy = () => `${gateway.host}/v2`
  neonConfig.useSecureWebSocket = gateway.protocol === 'https:'
  neonConfig.webSocketConstructor = WebSocket // for Node.js 20; later ones, browsers and Workers have their own
}
