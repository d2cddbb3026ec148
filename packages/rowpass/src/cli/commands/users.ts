/**
 * `rowpass users`: accounts of people, for the operator.
 */
import { createHash, randomBytes } from 'node:crypto'
import { Command } from 'commander'
import { withConnection } from '../../database/connect.ts'
import { Failure } from '../../errors.ts'
import { toEmail } from '../../issuer/account-names.ts'
import type { Io } from '../io.ts'
import { withIssuerDatabase } from '../project-database.ts'

const help = `
Prints a token that sets the password of one person, once, within an hour: POST it to /api/password as
{"token":"…","password":"…"}. It is for the first person of a system without mail, and for people who have lost theirs.
Anyone who has it can take over the account.

Signing a person out ends every session that they have, in every tenant: from the next statement on the database refuses
their tokens. In SQL, as the owner: select issuer.end_sessions('<id of the person>').

Examples:
  $ npx rowpass users invite amara@neon.example
  $ npx rowpass users sign-out amara@neon.example
  $ npx rowpass users sign-out 60ae8038-e4f4-4a2c-ab55-47934d41dfd3 --json`

const lifetimeSeconds = 3600

/** The shell side of the commands. */
export function define(io: Io): Command {
  const users = new Command('users').addHelpText('after', help)
  users
    .command('invite <email>')
    .summary('print a token that sets the password of a person')
    .option('--tenant <id>', 'their own tenant, where several have the address')
    .option('--json', 'print the result as JSON')
    .action((email: string, options: { tenant?: string; json?: true }) => inviteCommand(io, email, options))
  users
    .command('sign-out <email-or-id>')
    .summary('end every session of a person')
    .option('--json', 'print the result as JSON')
    .action((name: string, options: { json?: true }) => signOutCommand(io, name, options.json === true))
  return users
}

async function inviteCommand(io: Io, text: string, options: { tenant?: string; json?: true }): Promise<void> {
  const email = toEmail(text)
  if (email === undefined) throw new Failure('input_invalid', { detail: 'this is not an e-mail address' })
  const token = randomBytes(32).toString('base64url')
  const moves = await withIssuer(io, async (client) => {
    // As the issuer: the policies show these rows to it, and not to the owner.
    const { rows } = await client.query<{ id: string; moves: boolean | null }>(
      `select id, issuer.account_of($1) <> id as moves from public.users
        where email = $1 and ($2::uuid is null or tenant_id = $2)`,
      [email, options.tenant ?? null],
    )
    const [person, another] = rows
    if (person === undefined) throw new Failure('account_unknown', { detail: email })
    if (another !== undefined) {
      throw new Failure('input_invalid', { detail: `several tenants have ${email}: name one with --tenant` })
    }
    const hash = createHash('sha256').update(token).digest()
    await client.query('select issuer.invite($1, $2, $3, null, null, $4)', [hash, email, person.id, lifetimeSeconds])
    return person.moves === true
  })
  if (moves) {
    io.stderr(
      `note: ${email} has an account of another tenant. This token ends it, and makes one of the tenant named.\n`,
    )
  }
  io.stdout(options.json === true ? `${JSON.stringify({ email, token })}\n` : `${token}\n`)
}

const uuid = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i

async function signOutCommand(io: Io, name: string, json: boolean): Promise<void> {
  const ended = await withIssuer(io, async (client) => {
    const { rows } = await client.query<{ ended: number; known: boolean }>(
      `select issuer.end_sessions(user_id) as ended, exists (select from issuer.credential_of(user_id)) as known
         from (select ${uuid.test(name) ? '$1::uuid' : 'issuer.account_of($1)'} as user_id) as person`,
      [uuid.test(name) ? name : (toEmail(name) ?? '')],
    )
    const { ended, known } = rows[0] ?? { ended: 0, known: false }
    // Not a success: whoever means somebody else, or mistypes, would take it for one.
    if (ended === 0 && !known) throw new Failure('account_unknown', { detail: name })
    return ended
  })
  io.stdout(json ? `${JSON.stringify({ ended })}\n` : `${ended} sessions ended\n`)
}

function withIssuer<T>(io: Io, work: Parameters<typeof withConnection<T>>[1]): Promise<T> {
  return withIssuerDatabase(io, ({ issuerUrl }) => withConnection(issuerUrl, work))
}
