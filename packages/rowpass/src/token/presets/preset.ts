/**
 * What is known of a provider, so that its default token is accepted as it comes, and nothing more. The shapes of the tokens
 * are those of the provider's public documentation at `source`, but for what `unconfirmed` names.
 */

/** What is known of one provider. */
export interface Preset {
  readonly name: string
  /** Which of its tokens, for a person. */
  readonly says: string
  /** What has to be given beside `provider`, with an example of each. */
  readonly parameters: Readonly<Record<string, string>>
  /** Settings as they are written in `ROWPASS_ISSUERS`, with `{parameter}` in their texts; one entry of an issuer each. */
  readonly entries: readonly Readonly<Record<string, unknown>>[]
  /** The default token, with `{parameter}` too. Of the times only the lifetime is given. */
  readonly token: {
    readonly header: Readonly<Record<string, unknown>>
    readonly claims: Readonly<Record<string, unknown>>
    readonly lifetimeSeconds: number
    /** Whether it has `iat`; it usually has. */
    readonly withoutIat?: true
  }
  readonly notes: readonly string[]
  readonly source: string
  /** What the documentation at `source` does not say, or nobody has compared with it. */
  readonly unconfirmed?: string
}

/** `typ` of most tokens that follow no profile. */
export const jwt = { typ: ['JWT'] }

/** What most providers sign with. */
export const rs256 = { algorithms: ['RS256'] }

/** A tenant that is a name, as most providers have. */
export const textTenant = (claim: string | readonly string[]) => ({ tenant_claim: claim, tenant_type: 'text' })

/** An id, for examples. */
export const exampleId = 'f330c503-5e9c-46a7-8393-2995aeb03675'
