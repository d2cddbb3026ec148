/**
 * The settings of the door, which are among those of the gateway.
 */
import { flag, integer, text } from '../setting-kinds.ts'

/** Each by its name. */
export const mcpSettings = {
  mcp: flag({
    default: false,
    says: 'Whether assistants may use the gateway over the Model Context Protocol, at `/mcp`, with tokens; see [agents](agents.md). It needs the package `@modelcontextprotocol/server`.',
  }),
  mcpResource: text({
    form: 'a URL',
    default: '',
    parse: resourceUrl,
    says: 'The URL by which clients reach `/mcp`. When it is given, a token must name it in `aud` (RFC 8707), and its host is answered; else `aud` is what its issuer is configured with.',
  }),
  mcpMaxRows: integer({ unit: 'rows', default: 200, min: 1, max: 10_000, says: 'Rows that `query` returns.' }),
  mcpMaxBytes: integer({
    unit: 'bytes',
    default: 65_536,
    min: 1_024,
    max: 1_048_576,
    says: 'Bytes of rows that a tool returns.',
  }),
  mcpMaxChanges: integer({
    unit: 'rows',
    default: 100,
    min: 1,
    max: 1_000_000,
    says: 'Rows that one call of `change` may change.',
  }),
}

/** A client takes the metadata for what it asked for only where this is the URL that it has. */
function resourceUrl(given: string): URL | undefined {
  if (given === '') return undefined
  const url = URL.canParse(given) ? new URL(given) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.pathname !== '/mcp' || url.search + url.hash !== '')
    throw new TypeError('is not a URL that ends in /mcp')
  return url
}
