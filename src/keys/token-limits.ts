/** The limits on which issuing and verifying agree: nothing is issued that would be refused. */

/** The longest token in characters; all of them are ASCII, so bytes too. */
export const MAX_TOKEN_LENGTH = 8192
/** The longest `sub` in UTF-16 code units. */
export const MAX_SUBJECT_LENGTH = 255
/** The longest `jti` in UTF-16 code units. */
export const MAX_TOKEN_ID_LENGTH = 255
/** The longest `kid` in UTF-16 code units. */
export const MAX_KID_LENGTH = 256
/** The lifetime of a token when nothing else is asked for, in seconds. */
export const DEFAULT_TTL_SECONDS = 900
/** The longest lifetime of a token, in seconds. */
export const MAX_TTL_SECONDS = 86_400
