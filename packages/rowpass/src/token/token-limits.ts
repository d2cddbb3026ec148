/** The limits on which issuing and verifying agree: nothing is issued that would be refused. */

/** The longest token in characters; all of them are ASCII, so bytes too. */
export const maxTokenLength = 8192
/** The longest token of another issuer, where its settings allow more. */
export const maxForeignTokenLength = 16_384
/** The longest `sub` in UTF-16 code units. */
export const maxSubjectLength = 255
/** The longest `jti` in UTF-16 code units. */
export const maxTokenIdLength = 255
/** The longest `kid` in UTF-16 code units. */
export const maxKidLength = 256
/** The lifetime of a token when nothing else is asked for, in seconds. */
export const defaultTtlSeconds = 900
/** The longest lifetime of a token, in seconds. */
export const maxTtlSeconds = 86_400
