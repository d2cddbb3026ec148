/**
 * How accounts and addresses are named: in one spelling each, and hashed where failures are counted.
 */
import { toNetwork } from '../network.ts'
import { hashSecret } from './secret.ts'
import type { Attempt } from './store.ts'

const maxEmailLength = 254

/**
 * The one spelling of an e-mail address: ASCII, in lower case.
 *
 * Other letters are not folded: to PostgreSQL and to JavaScript U+212A is not the same "k", and a mail server may see
 * it differently still. An address of an account has none of them.
 *
 * @returns undefined for what cannot be the address of an account
 */
export function toEmail(text: string): string | undefined {
  const email = text.trim()
  return email.length <= maxEmailLength && /^[\x21-\x3f\x41-\x7e]+@[\x21-\x3f\x41-\x7e]+$/.test(email)
    ? email.toLowerCase()
    : undefined
}

/**
 * Where an attempt on an account is counted.
 *
 * @param purpose keeps sign-ins apart from mails
 * @param account name of the account as it was given
 * @param address network address of the client; of IPv6 the /64, which one household has
 */
export async function toAttempt(purpose: string, account: string, address: string | undefined): Promise<Attempt> {
  const name = toEmail(account) ?? account
  const from = address === undefined ? undefined : toNetwork(address)
  const bucket = (...parts: string[]) => hashSecret([purpose, ...parts].join('\n'))
  return {
    account: await bucket('account', name),
    pair: from === undefined ? undefined : await bucket('pair', name, from),
    address: from === undefined ? undefined : await bucket('address', from),
  }
}
