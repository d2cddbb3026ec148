/**
 * Database roles that policies name. `rowpass db migrate` creates them; Drizzle only refers to them.
 */
import { pgRole } from 'drizzle-orm/pg-core'

/** Whoever holds a valid token. */
export const authenticated = pgRole('authenticated').existing()

/** Whoever sends a token without a user in it; has no grant and no policy but those that name it. */
export const anonymous = pgRole('anonymous').existing()

/**
 * The issuer, which looks people up before anybody has an identity, and adds the rows of somebody who signs up. Its
 * policies let it see every row; its grants name the columns.
 */
export const issuer = pgRole('rowpass_issuer').existing()
