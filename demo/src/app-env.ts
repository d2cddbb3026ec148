/**
 * What every handler of the app finds in its context.
 */
import type { CallerDatabase } from './database.ts'
import type { Bindings, Settings } from './env.ts'

/** Hono's generic for an app that has parsed its settings. */
export interface ApiEnv {
  Bindings: Bindings
  Variables: {
    /** Also in the header `X-Request-Id`, in problem details and in the log. */
    requestId: string
    settings: Settings
  }
}

/** The same behind `requireBearer`. */
export interface CallerEnv extends ApiEnv {
  Variables: ApiEnv['Variables'] & { db: CallerDatabase }
}
