/** The schemas that the oracle works on. */
import type { Schema } from './schema.ts'
import { teams } from './schemas/teams.ts'

export const schemas: readonly Schema[] = [teams]
