/**
 * `rowpass clients`: which applications and services may ask for tokens.
 */
import { Command, InvalidArgumentError, Option } from 'commander'
import { withConnection } from '../../database/connect.ts'
import { Failure } from '../../errors.ts'
import { addClient, type GrantName, grantTypes, listClients, removeClient, renewSecret } from '../../issuer/clients.ts'
import type { Io } from '../io.ts'
import { withIssuerDatabase } from '../project-database.ts'

const help = `
Works on OWNER_DATABASE_URL, else on the embedded database, after "issuer migrate" or "db migrate".

Grants: password and refresh for an application in which people sign in, exchange to switch tenant, service for a
program that acts for itself. An application that runs on people's own machines (a page, an app) is --public: it has no
secret. The secret of any other client is printed once and kept nowhere.

Examples:
  $ npx rowpass clients add web --public --grant password --grant refresh --grant exchange
  $ npx rowpass clients add reports --grant service --tenant f330c503-5e9c-46a7-8393-2995aeb03675 --role member
  $ npx rowpass clients add assistant --grant exchange --scope sql:read --scope table:public.notes
  $ npx rowpass clients list
  $ npx rowpass clients secret reports
  $ npx rowpass clients remove reports`

interface AddOptions {
  readonly public?: true
  readonly grant: readonly GrantName[]
  readonly scope: readonly string[]
  readonly tenant?: string
  readonly role?: string
  readonly json?: true
}

/** The shell side of the commands. */
export function define(io: Io): Command {
  const clients = new Command('clients').addHelpText('after', help)
  clients
    .command('add <name>')
    .summary('add a client and print its secret')
    .option('--public', 'it can keep no secret')
    .addOption(
      new Option('--grant <name>', 'what it may ask with; may be repeated')
        .choices(Object.keys(grantTypes))
        .argParser(collectGrant)
        .default([])
        .makeOptionMandatory(),
    )
    .option('--scope <name>', 'a scope that it may have, such as sql:read; may be repeated', collect, [])
    .option('--tenant <id>', 'tenant of a service')
    .option('--role <name>', 'its role in that tenant')
    .option('--json', 'print the result as JSON')
    .action((name: string, options: AddOptions) => addCommand(io, name, options))
  clients
    .command('list')
    .summary('list the clients')
    .option('--json', 'print them as JSON')
    .action((options: { json?: true }) => listCommand(io, options.json === true))
  clients
    .command('secret <name>')
    .summary('give a client another secret, and end its own tokens')
    .option('--json', 'print the result as JSON')
    .action((name: string, options: { json?: true }) => secretCommand(io, name, options.json === true))
  clients
    .command('remove <name>')
    .summary('remove a client, and end its sessions and tokens')
    .action((name: string) => removeCommand(io, name))
  return clients
}

async function addCommand(io: Io, clientId: string, options: AddOptions): Promise<void> {
  if (options.grant.length === 0) throw new Failure('input_invalid', { detail: 'a client needs at least one --grant' })
  const added = {
    clientId,
    isPublic: options.public === true,
    grants: options.grant,
    scopes: options.scope,
    tenantId: options.tenant,
    role: options.role,
  }
  const secret = await withOwner(io, (client) => addClient(client, added))
  tellSecret(io, clientId, secret, options.json === true)
}

async function secretCommand(io: Io, clientId: string, json: boolean): Promise<void> {
  const secret = await withOwner(io, (client) => renewSecret(client, clientId))
  if (secret === undefined) throw new Failure('client_unknown', { detail: `${clientId}, or it is public` })
  tellSecret(io, clientId, secret, json)
}

function tellSecret(io: Io, clientId: string, secret: string | undefined, json: boolean): void {
  if (json) {
    io.stdout(`${JSON.stringify({ clientId, ...(secret !== undefined && { secret }) })}\n`)
    return
  }
  io.stdout(secret === undefined ? `${clientId} is a client without a secret\n` : `${secret}\n`)
  if (secret !== undefined) io.stderr(`The secret of ${clientId}: it cannot be shown again.\n`)
}

async function listCommand(io: Io, json: boolean): Promise<void> {
  const clients = await withOwner(io, listClients)
  if (json) return io.stdout(`${JSON.stringify({ clients })}\n`)
  if (clients.length === 0) io.stderr('no clients yet: "rowpass clients add" makes one\n')
  for (const { clientId, isPublic, grants, scopes, tenantId, role } of clients) {
    const kind = isPublic ? 'public' : 'secret'
    const place = tenantId === null ? '' : `, ${role ?? 'no role'} of ${tenantId}`
    const scope = scopes.length === 0 ? '' : `, scopes ${scopes.join(' ')}`
    io.stdout(`${clientId}  ${kind}, ${grants.join(' ')}${scope}${place}\n`)
  }
}

async function removeCommand(io: Io, clientId: string): Promise<void> {
  if (!(await withOwner(io, (client) => removeClient(client, clientId)))) {
    throw new Failure('client_unknown', { detail: clientId })
  }
  io.stdout(`${clientId} is removed\n`)
}

function withOwner<T>(io: Io, work: Parameters<typeof withConnection<T>>[1]): Promise<T> {
  return withIssuerDatabase(io, ({ ownerUrl }) => withConnection(ownerUrl, work))
}

function collectGrant(name: string, before: readonly GrantName[]): readonly GrantName[] {
  if (!Object.hasOwn(grantTypes, name)) {
    throw new InvalidArgumentError(`It is not one of ${Object.keys(grantTypes).join(', ')}.`)
  }
  return [...before, name as GrantName] // it is a key of the table
}

function collect(text: string, before: readonly string[]): readonly string[] {
  // RFC 6749 §3.3.
  if (!/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(text)) throw new InvalidArgumentError('It is not a scope.')
  return [...before, text]
}
