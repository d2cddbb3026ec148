/** The schemas that the oracle works on. */
import type { Schema } from './schema.ts'
import { ledger } from './schemas/ledger.ts'
import { notes } from './schemas/notes.ts'
import { rooms } from './schemas/rooms.ts'
import { teams } from './schemas/teams.ts'

export const schemas: readonly Schema[] = [teams, ledger, rooms, notes]
