/**
 * Accounts of people: sign-up, invites, passwords, and signing out. Whoever is to set a password for an address proves
 * that they read its mail: the only way to one is a single-use token that was sent there.
 *
 * Nobody learns here whether an address has an account: the answer is the same, and so is the work.
 */
import { Failure } from '../errors.ts'
import { toAttempt, toEmail } from './account-names.ts'
import type { AccessToken } from './own-token.ts'
import { comparePassword, hashPassword, isSuitable, maxPasswordLength, minPasswordLength } from './password.ts'
import { createSecret, hashSecret, type SecretHash } from './secret.ts'
import type { Attempt, Credential } from './store.ts'

/** Why somebody gets a message. */
export type MailKind =
  /** They signed up: the token makes their account. */
  | 'sign-up'
  /** They, or somebody else, asked for a new password. */
  | 'reset'
  /** The same, but the address has no account. There is no token: the message is sent so that nobody sees a difference. */
  | 'unknown'
  /** The admin of their tenant invites them. */
  | 'invite'
  /** The same, but the address has an account of another tenant: they are to be made a member. There is no token. */
  | 'known'

/** A message to hand over to a mail service. */
export interface Mail {
  readonly to: string
  readonly kind: MailKind
  /** A secret: whoever has it sets the password. Good for `POST /api/password`. */
  readonly token?: string
}

/** Somebody's admin: who acts, and in which tenant. */
export interface Acting {
  readonly userId: string
  readonly tenantId: string
}

/** What accounts ask of the place where they are kept, as `IssuerStore` does. */
export interface AccountStore {
  /** Counts an attempt. Returns the seconds to wait, 0 when it is admitted. */
  admit(attempt: Attempt): Promise<number>
  /** Takes an attempt back that has succeeded. */
  forgive(attempt: Attempt): Promise<void>
  /**
   * Keeps an invite for an address: for its account, or for a sign-up when there is none.
   *
   * @param newcomer what a sign-up needs; without it nothing is kept for an address without account
   * @returns undefined when nothing was kept
   */
  inviteAddress(
    email: string,
    hash: SecretHash,
    newcomer: { name: string; tenantName: string } | undefined,
  ): Promise<'sign-up' | 'reset' | undefined>
  /**
   * Keeps an invite for somebody of a tenant, if `by` is its admin.
   *
   * @returns the address, and whether it is good for a token; undefined when there is no such person there
   */
  invitePerson(by: Acting, userId: string, hash: SecretHash): Promise<{ email: string; kept: boolean } | undefined>
  /**
   * Takes an invite and sets the password; for a sign-up makes the tenant and the person, its admin. Ends every session
   * that the person has.
   *
   * @returns whether there was such an invite
   */
  acceptInvite(hash: SecretHash, passwordHash: string): Promise<boolean>
  /** The credential of a person. */
  findCredential(userId: string): Promise<Credential | undefined>
  /** Changes a password, if it is still the one of the credential, and ends the other sessions. Returns whether it was. */
  changePassword(credential: Credential, passwordHash: string, keepSid: string): Promise<boolean>
  endSession(sid: string): Promise<void>
  /** Ends all sessions of a person. Returns how many there were. */
  endSessions(userId: string): Promise<number>
  /** Forgets the account and ends the sessions of a person who is gone; nothing where they are not. */
  forgetPerson(userId: string): Promise<void>
  /** Ends the sessions of somebody of a tenant, if `by` is its admin; undefined when there is no such person there. */
  endSessionsOf(by: Acting, userId: string): Promise<number | undefined>
}

/** What accounts are made of. */
export interface AccountsOptions {
  readonly store: AccountStore
  /** Hands a message over. What it rejects with is told to nobody. */
  readonly deliver: (mail: Mail) => Promise<void>
}

/** What people and their admins do with accounts. `address` is the client's network address, where it is known. */
export interface Accounts {
  /** @throws Failure `input_invalid` for an address of another form, `attempts_exceeded`, `mail_failed` */
  signUp(person: { email: string; name: string; tenantName?: string }, address: string | undefined): Promise<void>
  /** @throws Failure `attempts_exceeded`, `mail_failed` */
  requestReset(email: string, address: string | undefined): Promise<void>
  /** @throws Failure `policy_refused` without a tenant, `not_found`, `attempts_exceeded`, `mail_failed` */
  invite(by: AccessToken, userId: string): Promise<void>
  /** @throws Failure `invite_invalid`, `input_invalid` for an unsuitable password, `attempts_exceeded`, `password_queue_full` */
  acceptInvite(token: string, password: string, address: string | undefined): Promise<void>
  /**
   * @throws Failure `password_wrong`, `input_invalid` for an unsuitable password, `attempts_exceeded`,
   *   `password_queue_full`, `password_hash_invalid`
   */
  changePassword(by: AccessToken, current: string, password: string, address: string | undefined): Promise<void>
  signOut(by: AccessToken): Promise<void>
  signOutEverywhere(by: AccessToken): Promise<void>
  /** After a person was deleted: no token of theirs is good any more, and nobody signs in as them. */
  forget(userId: string): Promise<void>
  /** @throws Failure `policy_refused` without a tenant, `not_found` */
  signOutPerson(by: AccessToken, userId: string): Promise<void>
}

/**
 * Makes the functions.
 *
 * @example
 * const accounts = createAccounts({ store, deliver: async ({ to, kind, token }) => console.log(to, kind, token) })
 * await accounts.signUp({ email: 'ada@example.com', name: 'Ada' }, undefined)
 */
export function createAccounts({ store, deliver }: AccountsOptions): Accounts {
  async function admit(purpose: string, account: string, address: string | undefined): Promise<Attempt> {
    const attempt = await toAttempt(purpose, account, address)
    await admitAttempt(attempt)
    return attempt
  }

  async function admitAttempt(attempt: Attempt): Promise<void> {
    const retryAfterSeconds = await store.admit(attempt)
    if (retryAfterSeconds > 0) throw new Failure('attempts_exceeded', { retryAfterSeconds })
  }

  async function send(mail: Mail): Promise<void> {
    await deliver(mail).catch((cause: unknown) => {
      throw new Failure('mail_failed', { cause })
    })
  }

  async function inviteAddress(
    text: string,
    newcomer: { name: string; tenantName: string } | undefined,
    address: string | undefined,
  ): Promise<void> {
    const email = toEmail(text)
    if (email === undefined) throw new Failure('input_invalid', { detail: 'This is not an e-mail address.' })
    await admit('mail', email, address)
    const token = createSecret()
    const kind = await store.inviteAddress(email, await hashSecret(token), newcomer)
    // A message in any case: how long it takes, and whether it fails, must not tell of an account.
    await send(kind === undefined ? { to: email, kind: 'unknown' } : { to: email, kind, token })
  }

  return {
    signUp: ({ email, name, tenantName = '' }, address) => inviteAddress(email, { name, tenantName }, address),
    requestReset: (email, address) => inviteAddress(email, undefined, address),
    async invite(by, userId) {
      const acting = toActing(by)
      await admit('mail', `${acting.tenantId} ${userId}`, undefined)
      const token = createSecret()
      const invited = await store.invitePerson(acting, userId, await hashSecret(token))
      if (invited === undefined) throw new Failure('not_found')
      const { email: to, kept } = invited
      await send(kept ? { to, kind: 'invite', token } : { to, kind: 'known' })
    },
    async acceptInvite(token, password, address) {
      refuseUnsuitable(password)
      // By address alone: there is no account yet that could be guessed at, and others are not to wait for this one.
      const { address: from } = await toAttempt('invite', '', address)
      const attempt = { account: undefined, pair: undefined, address: from }
      await admitAttempt(attempt)
      const accepted = await store.acceptInvite(await hashSecret(token), await hashPassword(password))
      if (!accepted) throw new Failure('invite_invalid')
      await store.forgive(attempt)
    },
    async changePassword(by, current, password, address) {
      refuseUnsuitable(password)
      const attempt = await admit('password', by.subject, address)
      const credential = await store.findCredential(by.subject)
      const { matches } = await comparePassword(current, credential?.passwordHash)
      if (!matches || credential === undefined) throw new Failure('password_wrong')
      const changed = await store.changePassword(credential, await hashPassword(password), by.sid)
      if (!changed) throw new Failure('password_wrong')
      await store.forgive(attempt)
    },
    signOut: ({ sid }) => store.endSession(sid),
    forget: (userId) => store.forgetPerson(userId),
    signOutEverywhere: async ({ subject }) => void (await store.endSessions(subject)),
    async signOutPerson(by, userId) {
      if ((await store.endSessionsOf(toActing(by), userId)) === undefined) throw new Failure('not_found')
    },
  }
}

/** Who acts for a tenant; whether they are its admin, the store looks up. */
function toActing({ subject, tenantId }: AccessToken): Acting {
  if (tenantId === undefined) throw new Failure('policy_refused', { detail: 'The token is for no tenant.' })
  return { userId: subject, tenantId }
}

function refuseUnsuitable(password: string): void {
  if (isSuitable(password)) return
  const range = `${minPasswordLength} to ${maxPasswordLength} characters`
  throw new Failure('input_invalid', { detail: `A password has ${range}, at least four different ones.` })
}
