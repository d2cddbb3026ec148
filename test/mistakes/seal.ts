/** Mistakes in the seal: who signs a session, and what the database checks of it. */
import { type Mistake, mistakesIn } from './mistake.ts'

const seal = 'packages/rowpass/test/seal/seal.test.ts'
const hygiene = 'packages/rowpass/test/postgres/hygiene.test.ts'
const createSealTest = 'packages/rowpass/test/seal/create-seal.test.ts'
const identities = 'packages/rowpass/test/seal/identities.test.ts'
const status = 'demo/test/issuing/status.test.ts'

export const sealMistakes: readonly Mistake[] = [
  ...mistakesIn('packages/rowpass/src/seal/sql/claims.sql', seal, [
    [
      'any seal is good',
      "'UTF8'))), 'hex'))::bit(256)) = 0",
      "'UTF8'))), 'hex'))::bit(256)) >= 0",
      'SEC-37 refuses %s',
    ],
    [
      'a seal that is nearly right is good',
      "'UTF8'))), 'hex'))::bit(256)) = 0",
      "'UTF8'))), 'hex'))::bit(256)) <= 1",
      'one bit of the MAC flipped',
    ],
    [
      'a seal is good for ever',
      "split_part(seal, ':', 3)::float8 > date_part('epoch', current_timestamp) then",
      'true then',
      'SEC-36 refuses an expired session, a minute after its token',
    ],
    [
      'the claims of one role are good under another',
      "current_setting('role') || ':' ||",
      "split_part(claims, '\"', 0) || ':' ||",
      'SEC-37 refuses a seal under another role than its own',
    ],
    [
      'tokens of a session that was ended go on',
      '      if found then\n        -- The gateway',
      '      if false then\n        -- The gateway',
      'SEC-36 is refused where nothing can be written, as on a replica',
      'packages/rowpass/test/gateway/revocation.test.ts',
    ],
    [
      'functions of the caller come between the check and what it calls',
      'set search_path = pg_catalog, pg_temp',
      'set search_path = public, evil, pg_catalog, pg_temp',
      'SEC-52 objects of the caller do not come between the function and what it calls',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/seal/sql/identities.sql', identities, [
    [
      'a ticket is good under every role',
      "     and role = current_setting('role')\n",
      '',
      'SEC-37 a ticket is refused under every other role, whichever way it is taken',
    ],
    [
      'a ticket is good for ever',
      '     and good_until > current_timestamp;',
      '     and true;',
      'until their seal expires, and not for longer',
    ],
    [
      'what is remembered of a session that was ended stays',
      '  delete from rowpass.identities where sid = new.sid;\n',
      '',
      'SEC-36 are gone when it is ended %s, and no others',
    ],
    [
      'an identity is admitted while its session is being ended',
      '  claims := rowpass.claims();\n\n  -- One person',
      '  -- One person',
      'SEC-36 that is being ended admits none',
    ],
    [
      'a session is ended past an admission that is not seen yet',
      '  if session_id is not null then\n',
      '  if false then\n',
      'SEC-36 that is ended while one is admitted are gone',
    ],
    [
      'a key is removed past an admission that is not seen yet',
      '  perform from rowpass.seal_keys where name = key for key share;\n',
      '',
      'are not admitted under a key that is being removed',
    ],
    [
      'a ticket that nobody has is nobody, in silence',
      '  select r.session into remembered from rowpass.remembered as r;\n  if not found then',
      '  select r.session into remembered from rowpass.remembered as r;\n  if false then',
      'SEC-37 a ticket is refused that is %s',
    ],
    [
      'identities that have expired are kept',
      'select ticket_hash from rowpass.identities where good_until < now()',
      'select ticket_hash from rowpass.identities where false',
      'and ten that have expired go with each that comes',
    ],
    [
      'one person with many tokens fills the table',
      'order by good_until desc offset 63',
      'order by good_until desc offset 1000000',
      'SEC-76 64 of one person at most: those that expire first make room, and nobody else’s',
    ],
    [
      'identities are remembered without end',
      "pg_stat_get_live_tuples('rowpass.identities'::regclass) > 1000000",
      'false',
      'SEC-76 not beyond a number in all: %s',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/seal/sql/0001_seal.sql', 'packages/rowpass/test/gateway/walls.test.ts', [
    [
      'the keys of the seal can be read',
      'revoke all on rowpass.seal_keys, rowpass.revoked_sessions from public;',
      'grant select on rowpass.seal_keys to public;',
      'read a seal key',
      'packages/rowpass/test/database/provision.test.ts',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/seal/sql/revocation.sql', 'packages/rowpass/test/gateway/revocation.test.ts', [
    [
      'anybody ends the session of anybody',
      'revoke all on function rowpass.end_session(text, timestamptz) from public;',
      'grant insert, update on rowpass.revoked_sessions to public;',
      'can neither see, end nor revive one',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/issuer/sql/sessions.sql', status, [
    [
      'an ended session comes back before its last token is over',
      "greatest(new.expires_at, last_token + interval '2 minutes')",
      'new.expires_at',
      'SEC-36 ends with its refresh token, for longer than its tokens live',
    ],
    [
      'what is ended in SQL lives on by its refresh token',
      'delete from issuer.sessions s where s.sid = new.sid returning s.token_expires_at',
      'select s.token_expires_at from issuer.sessions s where s.sid = new.sid',
      'SEC-36 ends with its refresh token, for longer than its tokens live',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/seal/sql/casts.sql', 'packages/rowpass/test/seal/typed-claims.test.ts', [
    [
      'a claim that is no uuid fails the statement instead of denying',
      "    when translate(value, '123456789abcdefABCDEF', '000000000000000000000') = '00000000-0000-0000-0000-000000000000'\n    then value::uuid",
      '    when true then value::uuid',
      'is read as what it is, and is NULL as anything else',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/seal/form.ts', seal, [
    [
      'a seal outlives its token by hours',
      'const graceSeconds = 60',
      'const graceSeconds = 6_000',
      'SEC-36 refuses an expired session, a minute after its token',
    ],
    [
      'sessions have no name, and cannot be ended',
      "if (typeof sid !== 'string' || sid === '') return ''",
      "if (sid !== '') return ''",
      'SEC-36 SEC-17 is refused by the next query of a warm gateway',
      'packages/rowpass/test/gateway/revocation.test.ts',
    ],
    [
      'a colon in a role moves the end of its name',
      "  if (role.includes(':')) throw new TypeError('a role with a colon cannot be sealed')\n",
      '',
      'no role has a colon, as it would end there',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/seal/key-text.ts', seal, [
    [
      'a seal key of a few bytes is accepted',
      'secret?.length !== secretBytes',
      'secret === undefined',
      'without repeating the secret',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/seal/envelope.ts', 'packages/rowpass/test/gateway/revocation.test.ts', [
    [
      'the role of one request stays in the session',
      "select set_config('role', $1, true)",
      "select set_config('role', $1, false)",
      'SEC-42 has nothing of the identity in its session',
      hygiene,
    ],
    [
      'the claims of one request stay in the session',
      "or set_config('rowpass.claims', $2, true)",
      "or set_config('rowpass.claims', $2, false)",
      'SEC-42 has nothing of the identity in its session',
      hygiene,
    ],
    [
      'the seal of one request stays in the session',
      "or set_config('rowpass.seal', $3, true)",
      "or set_config('rowpass.seal', $3, false)",
      'SEC-42 has nothing of the identity in its session',
      hygiene,
    ],
    [
      'an ended session still gets answers that ask nothing about its caller',
      "refuseEnded = ' or rowpass.refuse_ended_session()'",
      "refuseEnded = ''",
      'SEC-79 gets no answer to a statement that asks nothing about its caller',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/seal/create-seal.ts', createSealTest, [
    [
      'claims that look like a verified token are sealed',
      "  if ('claimsJson' in claims) {",
      '  if (false) {',
      'SEC-83 is not made of claims that look like a verified token',
    ],
    [
      'an identity is remembered by its role and time alone',
      ':${identity.claimsJson}`',
      '`',
      'is made once for the same claims',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/seal/keys.ts', seal, [
    [
      'the database has a seal key in plain',
      'block[index] = byte ^ constant',
      'block[index] = byte',
      'auth.session() and auth.jwt() are the claims as they were signed',
    ],
  ]),
]
