/**
 * How accounts and addresses are named: in one spelling each, and hashed where failures are counted.
 */
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

/**
 * Of IPv6 the first four groups; anything else is taken as it is. Of a list the last one, which the nearest proxy has
 * seen: those before it are what the client says.
 */
function toNetwork(address: string): string {
  const text = address
    .slice(address.lastIndexOf(',') + 1)
    .trim()
    .toLowerCase()
    .slice(0, 64)
  if (!text.includes(':')) return text
  // An IPv4 address in IPv6 form is one machine's.
  const mapped = /^::ffff:([\d.]+)$/.exec(text)?.[1]
  if (mapped !== undefined) return mapped
  const [head = '', tail] = text.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : Math.max(8 - left.length - right.length, 0)
  const groups = [...left, ...Array.from({ length: zeros }, () => '0'), ...right]
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')
}
