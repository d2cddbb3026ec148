/** Mistakes in who gets a token: `issuer`, `api` and the issuer's functions in SQL. */
import { type Mistake, mistakesIn } from './mistake.ts'

const token = 'demo/test/issuing/token.test.ts'
const status = 'demo/test/issuing/status.test.ts'
const abuse = 'demo/test/issuing/abuse.test.ts'
const accounts = 'demo/test/issuing/accounts.test.ts'
const limits = 'demo/test/issuing/limits.test.ts'
const stores = 'packages/rowpass/test/issuer/ring/stores.test.ts'

export const issuerMistakes: readonly Mistake[] = [
  ...mistakesIn('packages/rowpass/src/issuer/grant-types.ts', token, [
    [
      'one client uses the refresh tokens of another',
      'session === undefined || session.clientId !== client.clientId',
      'session === undefined',
      'SEC-34 refuses the token of another client, and leaves it good',
      token,
      'the database looks for a session of the client too, and finds none',
    ],
    [
      'a service becomes a person',
      ' || token.subject === token.clientId) {',
      ') {',
      'SEC-33 is refused in the words of OAuth when a service would be a person',
      abuse,
      'the name of a client is no UUID, so that no person has it',
    ],
    [
      'an exchange makes a token live for ever',
      'prepareSigner(context, token.expiresAt)',
      'prepareSigner(context)',
      'SEC-33 gets no longer life out of an exchange than the token had',
      'demo/test/issuing/abuse.test.ts',
    ],
    [
      'one client exchanges the tokens of another',
      'token === undefined || token.clientId !== client.clientId || ',
      'token === undefined || ',
      'SEC-33 gives a member a new token for it',
      token,
      'the database looks for a session of the client too, and finds none',
    ],
    [
      'a tenant is in the token without a membership',
      '  const person = await store.findPerson(token.subject, tenantId)\n  if (person === undefined) throw wrongSubjectToken()',
      '  const person = (await store.findPerson(token.subject, tenantId)) ?? { userId: token.subject, tenantId, role: undefined }',
      'SEC-33 refuses a tenant that is not theirs',
      token,
      'the statement that keeps the session alive looks for the membership again',
    ],
    [
      'a wrong password is right',
      '  if (!matches || credential === undefined || person === undefined) throw wrongCredentials()',
      '  if (credential === undefined || person === undefined) throw wrongCredentials()',
      'with one and the same answer',
    ],
    [
      'attempts are not limited',
      '  if (retryAfterSeconds > 0) {',
      '  if (false) {',
      'SEC-30 are refused after five failures from one address, with the time to wait',
      limits,
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/issuer/narrow.ts', token, [
    [
      'a client gets scopes that it may not have',
      '  if (!others.every((each) => othersHad.includes(each))) {',
      '  if (false) {',
      'narrows the scope, and gives no more than was had',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/issuer/client-authentication.ts', token, [
    [
      'a client needs no secret',
      'client?.secretHash === undefined ? secret === undefined : sameHash(given, expected)',
      'secret === undefined || sameHash(given, expected)',
      'a missing secret',
    ],
    [
      'any secret is right',
      'client?.secretHash === undefined ? secret === undefined : sameHash(given, expected)',
      'true',
      'a wrong secret',
    ],
    [
      'a client authenticates in two ways',
      "  if (posted !== undefined) throw new OAuthError('invalid_request', 'The client authenticates in two ways')\n",
      '',
      'two ways to authenticate',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/issuer/token-status.ts', status, [
    [
      'a service sees the tokens of other tenants',
      '  if (client.tenantId !== undefined && found.tenant_id !== client.tenantId) return inactive\n',
      '',
      'SEC-35 shows a service of a tenant nothing of another',
    ],
    ['anybody introspects', '  if (client.secretHash === undefined) {', '  if (false) {', 'a public client'],
    [
      'one client revokes the tokens of another',
      '  if (session.clientId !== client.clientId) {',
      '  if (false) {',
      'SEC-35 refuses another client, and leaves the token good',
    ],
    [
      'a token of an ended session is active',
      'read === undefined || (await context.store.findSession(read.sid)) === undefined',
      'read === undefined',
      'SEC-35 ends the tokens of a service, which may have others',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/issuer/own-token.ts', token, [
    [
      'the token of another audience is exchanged',
      '      audience: options.audience,\n',
      '',
      'SEC-33 is none of ours %s',
      'packages/rowpass/test/issuer/own-token.test.ts',
    ],
    [
      'the token of another issuer is exchanged',
      '      issuer: options.issuer,\n',
      '',
      'SEC-33 is none of ours %s',
      'packages/rowpass/test/issuer/own-token.test.ts',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/issuer/own-claims.ts', 'packages/rowpass/test/issuer/own-claims.test.ts', [
    [
      'an application sets the tenant of a token',
      "  'tenant_id',\n",
      '',
      'SEC-32 what policies and the gateway trust is among them',
    ],
    [
      'an application makes a token of any size',
      '  if (new TextEncoder().encode(text).length > maxOwnClaimsBytes) {',
      '  if (false) {',
      'longer than 4096 bytes',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/issuer/issue.ts', 'packages/rowpass/test/issuer/issue.test.ts', [
    [
      'a claim replaces the expiry',
      "'exp', 'nbf', 'iat', 'jti', 'client_id']",
      "'nbf', 'iat', 'jti', 'client_id']",
      'is the claim',
    ],
    [
      'a claim is one that PostgreSQL cannot read',
      "  if (isUnsafeJson(payload)) throw invalid('a text in them holds U+0000 or a lone surrogate')\n",
      '',
      'is a text that PostgreSQL cannot hold',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/issuer/parameters.ts', token, [
    [
      'of two values of a parameter one counts',
      "    if (seen.has(name)) throw invalid('A parameter is there twice')\n",
      '',
      'a parameter twice',
    ],
    [
      'a request for a token has any size',
      '    if (size > maxBodyBytes) {',
      '    if (false) {',
      'SEC-30 refuses a body over the limit',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/issuer/password.ts', limits, [
    [
      'the time tells whether there is an account',
      '  const { salt, figures } = parse(stored ?? decoy)\n',
      '  if (stored === undefined) return { matches: false, outdated: false }\n  const { salt, figures } = parse(stored ?? decoy)\n',
      'SEC-30 take the work of one hash with and without an account',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/issuer/sql/sessions.sql', token, [
    [
      'a refresh token is good more than once',
      'where hash = token_hash and used_at is null;',
      'where hash = token_hash;',
      'SEC-34 ends the whole session when a token comes again, its access tokens too',
    ],
    [
      'a session lives on for as long as it is refreshed',
      'expires_at = least(s.ends_at, now() + make_interval(secs => idle_seconds)),',
      'expires_at = now() + make_interval(secs => idle_seconds),',
      'does not live on beyond its end, however often it is refreshed',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/issuer/sql/invites.sql', accounts, [
    [
      'a token out of an old mail sets a password',
      ' and t.expires_at > now())',
      ')',
      'refuses a token that has expired',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/issuer/sql/accounts.sql', accounts, [
    [
      'a new password leaves the old sessions',
      '  perform issuer.end_sessions(person, keep);\n',
      '',
      'is replaced by a token out of a mail, which ends every session',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/issuer/sql/attempts.sql', limits, [
    [
      'attempts from many addresses are not counted on the account',
      "    perform issuer.count_failure(account, 50, interval '1 minute');\n",
      '    null;\n',
      'SEC-30 from many addresses at the same moment count on the account one by one',
    ],
    [
      'attempts at the same moment pass',
      '    blocked := issuer.blocked_until(account, pair, address);\n  end if;\n',
      '  end if;\n',
      'SEC-30 from many addresses at the same moment count on the account one by one',
    ],
    [
      'attempts of one address are not counted',
      "    perform issuer.count_failure(address, 100, interval '15 minutes');\n",
      '    null;\n',
      'SEC-30 from one address on many accounts are refused, and others are not',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/issuer/sql/accounts.sql', abuse, [
    [
      'who was deleted goes on',
      '  return issuer.end_sessions(person);',
      '  return 0;',
      'SEC-36 who is deleted is nobody from the next query on, and leaves no account',
    ],
  ]),
  ...mistakesIn('demo/src/people.ts', accounts, [
    [
      'an admin of one tenant signs out people of another',
      'u.id = ${userId} and u.tenant_id = ${tenantId}\n       and exists',
      'u.id = ${userId}\n       and exists',
      'is refused to a member, to the admin of another tenant, and to one who is no admin any more',
    ],
    [
      'a member signs out others',
      " as admin where admin.role = 'admin')",
      ' as admin)',
      'is refused to a member, to the admin of another tenant, and to one who is no admin any more',
    ],
  ]),
  ...mistakesIn('demo/src/routes/demo.ts', 'demo/test/app.test.ts', [
    [
      'production signs anybody in without a password',
      "  if (demo === undefined) throw new Failure('path_unknown')\n  c.set('demo', demo)\n",
      "  c.set('demo', demo ?? { assets: undefined })\n",
      'has nothing at %s',
    ],
  ]),
  ...mistakesIn('demo/src/env.ts', 'demo/test/env.test.ts', [
    [
      'a demo has the name of a public issuer',
      '    if (ISSUER !== undefined && !isLoopback(new URL(ISSUER).hostname)) {',
      '    if (false) {',
      'DEMO with an issuer for the world',
    ],
    [
      'the demo runs in production',
      "    if (NODE_ENV === 'production') problems.push('DEMO must not be true where NODE_ENV is production')\n",
      '',
      'DEMO in production',
    ],
  ]),
  ...mistakesIn('demo/src/sealing.ts', 'demo/test/requests.test.ts', [
    [
      'without a gateway anybody writes their own token',
      'const verified = await verifier.verify(token)',
      "const verified = JSON.parse(atob((token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/')))",
      'refuses a token whose payload was edited, and one that has expired',
    ],
    [
      'without a gateway a narrowed token may do all that its subject may',
      'verified.narrowing !== undefined',
      'verified.narrowing === null',
      'SEC-82 refuses a narrowed token, which nothing would hold to its scopes',
    ],
  ]),
  ...mistakesIn('demo/src/middleware/require-bearer.ts', 'demo/test/app.test.ts', [
    [
      'of two tokens one counts',
      "  if (header.includes(',')) throw new Failure('request_invalid', { detail: 'More than one bearer token was sent.' })\n",
      '',
      'SEC-19 refuses two tokens',
    ],
  ]),
  ...mistakesIn('demo/src/middleware/only-own-hosts.ts', 'demo/test/app.test.ts', [
    [
      'a web page whose name points here signs in as anybody',
      'demo !== undefined && !hosts.every((host) => isHost(host, demo.hosts))',
      'false',
      'SEC-78 no page whose own name points to this machine gets an answer',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/issuer/issuer.ts', abuse, [
    [
      'a page of another site counts attempts against who looks at it',
      "  if (!isForm || headers.get('Sec-Fetch-Site') !== 'cross-site') return",
      '  if (true) return',
      'SEC-30 cannot count against another by a page of another site',
    ],
  ]),
  ...mistakesIn('demo/src/app.ts', 'demo/test/app.test.ts', [
    [
      'a body of any size is read',
      '      maxSize: maxBodyBytes,',
      '      maxSize: 100 * maxBodyBytes,',
      'takes a body at the limit and refuses one byte more, also without Content-Length',
    ],
    [
      'pages run what is in an answer',
      '  .use(securityHeaders)\n',
      '',
      'has the security headers and a request id, and no CORS:',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/issuer/ring/lock.ts', stores, [
    [
      'two processes change a ring at once',
      '  if (others.length === 0) return true\n',
      '  if (others.length >= 0) return true\n',
      'loses no key when many change it at once',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/issuer/ring/file.ts', stores, [
    [
      'a ring in a file is readable by everybody',
      "const handle = await open(draft, 'wx', 0o600)",
      "const handle = await open(draft, 'wx', 0o644)",
      'in a file is readable by its owner alone',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/issuer/ring/postgres.ts', stores, [
    [
      'a new key is added under an encryption key that opens no other',
      '  if (goesOn(stored.ring, ring)) await requireSameKeys(db, encryptionKeys)\n',
      '',
      'SEC-25 says which encryption key is missing, changes nothing then, and still revokes',
      'packages/rowpass/test/issuer/ring/stores.test.ts',
    ],
  ]),
]
