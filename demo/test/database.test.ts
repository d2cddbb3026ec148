import { NeonDbError } from '@neondatabase/serverless'
import { DrizzleQueryError } from 'drizzle-orm/errors'
import { describe, expect, it } from 'vitest'
import { Failure, type FailureCode } from '../../packages/rowpass/src/errors.ts'
import { failures } from '../../packages/rowpass/src/failures.ts'
import { toFailure } from '../src/database.ts'

const refusal = (fields: Partial<NeonDbError>): NeonDbError => Object.assign(new NeonDbError('canary'), fields)

describe('toFailure', () => {
  it.each<[string, Partial<NeonDbError>, FailureCode]>([
    ['no answer', {}, 'gateway_unreachable'],
    ['an answer without SQLSTATE', { code: '' }, 'gateway_unreachable'],
    ['an expired token, from Neon', { code: '', message: 'JWT token has expired (exp=1)' }, 'token_expired'],
    ['a forged token, from Neon', { code: '', message: 'signature error: signature error' }, 'token_invalid'],
    ['a token of another key, from Neon', { code: '', message: 'jwk not found' }, 'token_invalid'],
    ['a token for others, from Neon', { code: '', message: 'invalid JWT token audience' }, 'token_invalid'],
    [
      'a server that is away, from Neon',
      { code: '', message: "Couldn't connect to compute node" },
      'gateway_unreachable',
    ],
    ['a refused token', { code: '28000', hint: 'token_invalid: Sign in again.' }, 'token_invalid'],
    ['an expired token', { code: '28000', hint: 'token_expired: Ask the issuer.' }, 'token_expired'],
    ['a role that the token does not allow', { code: '28000', hint: 'role_refused: x' }, 'role_refused'],
    ['an identity that the database refuses', { code: '28000' }, 'token_invalid'],
    ['a missing grant', { code: '42501', hint: 'grant_missing: x' }, 'grant_missing'],
    ['a policy', { code: '42501', hint: 'policy_refused: x' }, 'policy_refused'],
    ['a missing grant, from Neon', { code: '42501', message: 'permission denied for table users' }, 'grant_missing'],
    [
      'a policy, from Neon',
      { code: '42501', message: 'new row violates row-level security policy for table "users"' },
      'policy_refused',
    ],
    ['a statement that the gateway refuses', { code: '42501', hint: 'statement_refused: x' }, 'internal'],
    ['a request that the gateway cannot read', { code: '08P01', hint: 'request_invalid: x' }, 'internal'],
    ['a password of ours that is wrong', { code: '28P01', hint: 'password_refused: x' }, 'internal'],
    ['too many that were wrong', { code: '53400', hint: 'attempts_exceeded: x' }, 'internal'],
    ['a database that the gateway does not serve', { code: '3D000', hint: 'database_unknown: x' }, 'internal'],
    ['a password of ours that is wrong, from Neon', { code: '28P01' }, 'internal'],
    ['an ended session', { code: '28000', schema: 'rowpass', constraint: 'session_revoked' }, 'session_revoked'],
    [
      'a seal that the database does not know',
      { code: '28000', message: 'the session is sealed with a key that this database does not have' },
      'internal',
    ],
    [
      'a seal for another role',
      { code: '28000', message: 'the session is not sealed for the role authenticated, or its seal is not valid' },
      'internal',
    ],
    ['a duplicate', { code: '23505', constraint: 'users_tenant_id_email_key' }, 'conflict'],
    ['a missing parent', { code: '23503' }, 'conflict'],
    ['a parent with children, before 18', { code: '23503' }, 'conflict'],
    ['a parent with children, from 18', { code: '23001' }, 'conflict'],
    ['a check constraint', { code: '23514' }, 'input_invalid'],
    ['a value out of range', { code: '22003' }, 'input_invalid'],
    ['a statement cancelled for its time', { code: '57014', hint: 'timeout: x' }, 'timeout'],
    ['a statement cancelled by PostgreSQL', { code: '57014' }, 'timeout'],
    ['a busy gateway', { code: '53300', hint: 'overloaded: x' }, 'overloaded'],
    ['a full server', { code: '53300' }, 'overloaded'],
    ['a deadlock', { code: '40P01' }, 'overloaded'],
    ['a database that is away', { code: '08006', hint: 'database_unavailable: x' }, 'database_unavailable'],
    ['a database that shuts down', { code: '57P01' }, 'database_unavailable'],
    ['a table that is not there', { code: '42P01' }, 'internal'],
    ['a hint that only looks like a failure', { code: '42703', hint: 'constructor: x' }, 'internal'],
  ])('takes %s for %s', (_title, fields, code) => {
    const failure = toFailure(new DrizzleQueryError('select canary', ['canary'], refusal(fields)))
    expect(failure.code).toBe(code)
    expect([failure.detail, failures[code].says].join()).not.toContain('canary')
  })

  it('takes what nobody foresaw for internal, without the statement and its parameters', () => {
    const cause = new RangeError('unforeseen')
    const failure = toFailure(new DrizzleQueryError('select canary', ['canary'], cause))
    expect(failure).toMatchObject({ code: 'internal', cause })
    expect(toFailure('thrown text').code).toBe('internal')
  })

  it('leaves a failure as it is', () => {
    const failure = new Failure('not_found')
    expect(toFailure(failure)).toBe(failure)
  })
})
