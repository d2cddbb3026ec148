/**
 * The people whom the demo's `GET /api/token` signs in, copied from `seed.sql`; a test compares the two.
 * The Worker has no way to ask the database who somebody is before they have a token.
 */

/** One seeded person, as far as a token speaks of them. */
export interface Persona {
  /** users.id, the token's `sub`. */
  readonly id: string
  /** users.email */
  readonly email: string
  /** users.name */
  readonly name: string
  /** users.tenant_id, a claim. */
  readonly tenantId: string
  /** tenants.name, for people to read. */
  readonly tenant: string
  /** users.role, a claim. */
  readonly role: 'member' | 'admin'
}

const neon = { tenantId: 'f330c503-5e9c-46a7-8393-2995aeb03675', tenant: 'Neon' }
const other = { tenantId: 'e3e0bc31-2df8-4410-9b5d-ff71cf509a8e', tenant: 'Other Company' }
const harbour = { tenantId: 'c2a6db45-2894-4bbb-b75f-a6350c8c807c', tenant: 'Harbour Books' }
const kestrel = { tenantId: '4ad18972-e46d-452a-bc2b-d0ea1e7145ad', tenant: 'Kestrel Cycles' }

/** Every seeded person. The first, David, is signed in when nobody is named. */
export const personas: readonly [Persona, ...Persona[]] = [
  { id: '2e7e25e8-5445-40bd-8f89-dc19bba64faa', email: 'david@neon.example', name: 'David', ...neon, role: 'member' },
  {
    id: '60ae8038-e4f4-4a2c-ab55-47934d41dfd3',
    email: 'amara@neon.example',
    name: 'Amara Obi',
    ...neon,
    role: 'admin',
  },
  {
    id: '07bed1a4-91e7-4570-ab05-ff128e872801',
    email: 'mei@neon.example',
    name: 'Mei Tanaka',
    ...neon,
    role: 'member',
  },
  {
    id: 'd50b17ab-e8a3-4e0c-8093-892565f38b45',
    email: 'lukas@neon.example',
    name: 'Lukas Brandt',
    ...neon,
    role: 'member',
  },
  {
    id: '78a78d6d-0ed0-401c-8322-7885cd1c92ab',
    email: 'employee@other.example',
    name: 'Other Employee',
    ...other,
    role: 'member',
  },
  {
    id: '030dde22-eae7-4b26-97bf-a1e03772024b',
    email: 'priya@other.example',
    name: 'Priya Raman',
    ...other,
    role: 'admin',
  },
  {
    id: 'bb0ddeb5-8ddb-4341-9893-1de7c5cbc88b',
    email: 'tomas@other.example',
    name: 'Tomás Silva',
    ...other,
    role: 'member',
  },
  {
    id: '20eb13e5-4da4-41fb-b6a2-cca0bf3dcfdc',
    email: 'ines@harbour.example',
    name: 'Inês Duarte',
    ...harbour,
    role: 'admin',
  },
  {
    id: 'd1039d21-2d26-42fd-beef-ab57618c240c',
    email: 'oskar@harbour.example',
    name: 'Oskar Lind',
    ...harbour,
    role: 'member',
  },
  {
    id: '0c77dbf9-88e0-4482-a66a-d3f156e82c03',
    email: 'farah@harbour.example',
    name: 'Farah Aziz',
    ...harbour,
    role: 'member',
  },
  {
    id: '3ecaaeee-4ae7-4c8e-8edc-2cfe00aa2c35',
    email: 'juno@kestrel.example',
    name: 'Juno Park',
    ...kestrel,
    role: 'admin',
  },
  {
    id: '0bafe048-1408-4db0-a69e-1145d90bdb9e',
    email: 'callum@kestrel.example',
    name: 'Callum Reid',
    ...kestrel,
    role: 'member',
  },
]

/** Finds a person by id or e-mail address; undefined when nobody has it. */
export function findPersona(idOrEmail: string): Persona | undefined {
  return personas.find(({ id, email }) => id === idOrEmail || email === idOrEmail)
}
