/**
 * Database roles that policies name. The platform SQL in `src/seal/migrations` creates them; Drizzle only refers to them.
 */
import { pgRole } from 'drizzle-orm/pg-core'

/**
 * Whoever holds a valid token. Its other half, `anonymous`, has no policy and no grant here, so it reaches no table.
 */
export const authenticated = pgRole('authenticated').existing()
