import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'

// Publishes publicKey.jwk.json of this folder where the gateway looks for the keys of an issuer.
const { PORT = '8787' } = process.env
const keys = JSON.stringify({ keys: [JSON.parse(readFileSync('publicKey.jwk.json', 'utf8'))] })

createServer((_, response) => {
  response.writeHead(200, { 'content-type': 'application/jwk-set+json', 'cache-control': 'public, max-age=300' })
  response.end(keys)
}).listen(Number(PORT), '127.0.0.1', () => console.log(`ready: http://127.0.0.1:${PORT}/.well-known/jwks.json`))
