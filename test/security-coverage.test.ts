/**
 * The security requirements by number, and whether a test carries each number in its title.
 * A requirement that loses its last test makes this fail, and so does one that is listed as open and has a test by now.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { repository } from '../packages/rowpass/test/support/pg.ts'

/** What a test with the number shows. */
const requirements: Readonly<Record<number, string>> = {
  1: 'algorithms are fixed by configuration, for each issuer',
  2: '"none" and empty signatures are refused',
  3: 'a public key is no HMAC secret',
  4: 'keys in a header of the token are not looked at',
  5: 'critical extensions are refused',
  6: 'the type of the token is checked',
  7: 'the issuer is matched exactly, its keys are its own',
  8: 'the audience is required',
  9: 'expiry, lifetime, skew and start are checked',
  10: 'times are finite numbers',
  11: 'subject and tenant have their form',
  12: 'duplicate members and invalid UTF-8 are refused',
  13: 'base64url is strict',
  14: 'the Wycheproof vectors give their results',
  15: 'weak and malformed keys and signatures are refused',
  16: 'tokens are bounded in size before any cryptography',
  17: 'the cache of verified tokens is bounded and checks each hit',
  18: 'a refusal does not tell which check failed',
  19: 'a token comes in the Authorization header only',
  20: 'a key set holds public members only',
  21: 'keys of a set are unique and named by their thumbprint',
  22: 'a key set is served with its type and its age',
  23: 'keys rotate in an order in which no token fails',
  24: 'instances that start together make one key',
  25: 'private keys stay private, at rest and in messages',
  26: 'unknown key names cause one fetch',
  27: 'known keys outlive a failing fetch, up to a limit',
  28: 'fetching keys is limited, and not from private networks',
  29: 'a key that was taken out stops verifying in time',
  30: 'the token endpoint authenticates and is not cached',
  31: 'authorization server metadata',
  32: 'tokens have an id, a time, a client',
  33: 'a tenant is in the token only after a check of membership',
  34: 'refresh tokens are single use, by family',
  35: 'revocation and introspection endpoints',
  36: 'a token that is over is refused inside the database',
  37: 'claims cannot be forged by SQL',
  38: 'the login has no power, and roles cannot be changed',
  39: 'statements other than rows are refused',
  40: 'functions that reach past rows are refused',
  41: 'other sessions can be neither seen nor ended',
  42: 'nothing of one request is left for the next',
  43: 'no claims are no rows, and no error',
  44: 'limits of a request cannot be lifted',
  45: 'claims are bind parameters, in no text and no log',
  46: 'the same behind a pooler in transaction mode',
  47: 'row-level security is on where it has to be',
  48: 'the login at run time is not the owner',
  49: 'views and materialized views that pass by policies',
  50: 'partitions that can be reached directly',
  51: 'no grants that ignore policies',
  52: 'SECURITY DEFINER functions are pinned',
  53: 'policies name their role and check what is written',
  54: 'nobody changes the columns that policies trust',
  55: 'policies use indexes',
  56: 'existence oracles',
  57: 'referential actions past policies',
  58: 'probes by errors, functions and operators',
  59: 'invisible rows: no rows, or 42501',
  60: 'COPY and row_security',
  61: 'policies that recurse',
  62: 'servers without the corrections of row-level security',
  63: 'default privileges',
  64: 'the connection string chooses a database alias and nothing else',
  65: 'origins, bodies, rows, batches, parameters, requests under way are limited',
  66: 'errors show nothing that the caller may not see',
  67: 'an audit line for each request, free of literals and tokens',
  68: 'no EXPLAIN with a token, unless a setting that is announced allows it',
  69: 'statistics, sizes and counts of hidden rows are closed, or named with their extent',
  70: 'what is hidden changes no answer',
  71: 'no parameter is bound by a type from before a committed change of the schema',
  72: 'migrating and hardening take nothing from a login',
  73: 'statements that do not end cost a bounded number of connections',
  74: 'no number of tenants keeps the others from their answers',
  75: 'a statement that exhausts memory fails alone',
  76: 'no input keeps the thread busy that serves everybody',
  77: 'an answer that is not read is dropped, and bytes held are bounded per owner and in all',
  78: 'a demo answers to the names of its own machine only',
  79: 'a session that was ended gets no answer',
  80: 'a fix that a tool writes was tried, and what worked before works',
  81: 'tools that roll back run nothing that a rollback does not undo',
  82: 'a narrowed token is enforced and sealed, and never wider than its subject’s',
  83: 'without a gateway, injected SQL gains no other identity',
}

/** Without any test, and why. */
const open: Readonly<Record<number, string>> = {
  80: 'fixes of the doctor are tried against its rules, and not against every statement that worked before',
  81: 'what reaches out is looked for in a statement, its triggers and what they name, and not through every call of a call',
}

/** With tests that show a part, and what is missing. */
const partly: Readonly<Record<number, string>> = {
  14: 'each class of the vectors, made here; the original files are not in the repository (npm run wycheproof)',
}

/** Numbers at the start of titles, by file. */
function numbersOf(file: string): number[] {
  const titles = readFileSync(file, 'utf8').matchAll(/['"`]((?:SEC-\d+ ?)+)/g)
  return [...titles].flatMap(([, prefix = '']) => [...prefix.matchAll(/\d+/g)].map(([digits]) => Number(digits)))
}

const files = ['test', 'packages/rowpass/test', 'packages/local/test', 'demo/test']
  .flatMap((folder) =>
    readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
  )
  .filter((name) => name.endsWith('.test.ts') && name !== 'test/security-coverage.test.ts')
const tested = new Set(files.flatMap((name) => numbersOf(join(repository, name))))

describe('the security requirements', () => {
  it('the requirements are numbered from 1 to 83, and each number in a title is one of them', () => {
    expect(Object.keys(requirements).map(Number)).toEqual(Array.from({ length: 83 }, (_, index) => index + 1))
    for (const number of tested) expect(requirements).toHaveProperty(String(number))
  })

  it('every requirement has a test, but for those that are listed as open', () => {
    const missing = Object.keys(requirements)
      .map(Number)
      .filter((number) => !tested.has(number))
    expect(missing.map((number) => `SEC-${number} ${requirements[number]}`)).toEqual(
      Object.keys(open).map((number) => `SEC-${number} ${requirements[Number(number)]}`),
    )
  })

  it('what has tests for a part only is among what has tests', () => {
    expect(
      Object.keys(partly)
        .map(Number)
        .filter((number) => !tested.has(number)),
    ).toEqual([])
    const [all, without, part] = [requirements, open, partly].map((list) => Object.keys(list).length)
    console.info(`security requirements: ${all}, without a test: ${without}, with tests for a part: ${part}`)
  })
})
