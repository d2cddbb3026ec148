/** Mistakes in what is believed of a token: `token` and the keys it is verified with. */
import { type Mistake, mistakesIn } from './mistake.ts'

const refusals = 'packages/rowpass/test/token/refusals.test.ts'
const caching = 'packages/rowpass/test/token/caching.test.ts'
const settings = 'packages/rowpass/test/token/issuer-settings.test.ts'

export const tokenMistakes: readonly Mistake[] = [
  ...mistakesIn('packages/rowpass/src/token/verifier.ts', caching, [
    [
      'a token of any type is an access token',
      'if (!issuer.typ.has(typ))\n',
      'if (false)\n',
      'SEC-6 typ JWT',
      refusals,
    ],
    [
      'the algorithms of an issuer are not looked at',
      'if (!algorithms.includes(algorithm)) {',
      'if (algorithms.length === 0) {',
      'SEC-1 an algorithm that the issuer may not use',
      refusals,
      'the keys of an issuer are imported for its algorithms alone, and the algorithm has to be that of the key',
    ],
    [
      'a token may be as long as the longest of any issuer',
      'if (length > maxTokenBytes) {',
      'if (false) {',
      'SEC-16 over 8192 characters',
      refusals,
    ],
    [
      'of two entries of an issuer the first one counts',
      'entries?.find(({ rules }) => mismatchOf(claims, rules) === undefined) ?? entries?.[0]',
      'entries?.find(({ rules }) => mismatchOf(claims, rules) !== null) ?? entries?.[0]',
      '%j: %j has the role %s',
      settings,
    ],
    [
      'a token that is remembered never expires',
      'inForce === entry.set && nowMs < entry.expiresAtMs',
      'inForce === entry.set',
      'SEC-17 expires all the same',
    ],
    [
      'a token outlives the key that signed it',
      'inForce === entry.set && nowMs < entry.expiresAtMs',
      'nowMs < entry.expiresAtMs',
      'SEC-17 SEC-29 is refused once its key has left the key set',
    ],
    [
      'a token outlives the issuer that was taken out',
      '      cache.clear()\n',
      '',
      'SEC-17 is judged anew when the issuers are replaced',
    ],
    [
      'a reload goes on with the keys from before',
      'for (const { keys } of [...byName.values()].flat()) keys.distrust()',
      '',
      'SEC-29 is refused at once after its key was removed',
    ],
    [
      'a token is remembered under issuers that were replaced meanwhile',
      'settings.cacheSize > 0 && byName.get(verified.iss)?.includes(issuer)',
      'settings.cacheSize > 0',
      'is not remembered when the issuers are replaced while it is verified',
    ],
    [
      'who holds a token changes the claims that others get',
      '      freezeDeep(claims)\n',
      '',
      'cannot be changed by one who holds it',
      'packages/rowpass/test/token/verifier.test.ts',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/token/signature.ts', refusals, [
    [
      'the header chooses the key’s algorithm',
      'algorithm === undefined ? undefined : key.get(algorithm)',
      '[...key.values()][0]',
      'SEC-1 refuses an algorithm of the issuer that is not that of the key',
      'packages/rowpass/test/token/verifier.test.ts',
    ],
    [
      'anything but a plain no is a yes',
      'if (valid !== true) throw',
      'if (valid === false) throw',
      'SEC-1 takes nothing but true of the operation that verifies',
      'packages/rowpass/test/token/verifier.test.ts',
    ],
    [
      'a signature that does not verify is accepted',
      "if (valid !== true) throw new TokenRefusal('signature', 'the signature does not verify')",
      '',
      'a signature of another key',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/token/claims.ts', refusals, [
    [
      'a token without audience is for everybody',
      'if (audience && !hasAudience',
      'if (audience && claims.aud !== undefined && !hasAudience',
      'SEC-8 no aud',
    ],
    ['the token of another audience is accepted', ' && isOneOf(audiences, expected)', '', 'SEC-8 another aud'],
    [
      'an audience that is not a list of texts is accepted',
      "audiences.every((audience) => typeof audience === 'string') && ",
      '',
      'SEC-8 a list that is not of texts',
    ],
    [
      'an expired token is accepted',
      "if (exp + leewaySeconds <= nowSeconds) throw new TokenRefusal('expired', '\"exp\" has passed')",
      '',
      'SEC-9 exp before now by the skew',
    ],
    [
      'the last moment of a token is a moment longer',
      'exp + leewaySeconds <= nowSeconds',
      'exp + leewaySeconds < nowSeconds',
      'SEC-9 exp before now by the skew',
    ],
    [
      'a token is good before it begins',
      'Math.max(iat ?? 0, nbf) > nowSeconds',
      '(iat ?? 0) > nowSeconds',
      'SEC-9 nbf beyond the skew',
    ],
    [
      'a token may live for ever',
      '(iat !== undefined && lifetime <= 0) || lifetime > maxTtlSeconds',
      'iat !== undefined && lifetime <= 0',
      'SEC-9 a lifetime over the limit',
    ],
    [
      'a time may be a text',
      "typeof value !== 'number' || !(value >= 0 && value <= maxNumericDate)",
      '!(Number(value) >= 0)',
      'SEC-10 ${name} that is a text',
    ],
    [
      'a token names any database role',
      'isOneOf(claimed, [role])',
      "(claimed !== undefined && role !== '')",
      'is refused when the claim is %j',
      'packages/rowpass/test/token/verifier.test.ts',
    ],
    [
      'a claim that is required need not be there',
      'const unmet = conditions.find(([, steps, values]) => !isOneOf(claimAt(claims, steps), values))',
      'const unmet = undefined as (typeof conditions)[number] | undefined',
      'SEC-8 none, and another claim',
      settings,
    ],
    [
      'a token without iat lives for ever',
      '|| lifetime > maxTtlSeconds) {',
      '|| (iat !== undefined && lifetime > maxTtlSeconds)) {',
      'SEC-9 without iat, too long from now',
      settings,
    ],
    [
      'a tenant may be any text',
      'if (!isTenant[tenantType](value)) {',
      'if (!isTenant[tenantType](value) && value === 0) {',
      'SEC-11 tenant_id that is no UUID',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/token/compact.ts', refusals, [
    [
      'an extension that a token calls critical is passed over',
      "Object.hasOwn(header, 'crit') || ",
      '',
      'SEC-5 crit with an unknown name',
    ],
    ['a token may have an empty name for its key', "kid === '' || ", '', 'an empty kid'],
    [
      'headers of tokens are remembered without end',
      'if (headers.size >= maxHeaders) headers.clear()',
      '',
      'SEC-16 headers of tokens that are no tokens',
      'packages/rowpass/test/token/headers.test.ts',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/token/strict-json.ts', refusals, [
    [
      'a claim may be there twice',
      "if (names?.has(name)) throw new SyntaxError('a name occurs twice')",
      '',
      'SEC-12 sub twice',
    ],
    ['claims need not be UTF-8', 'fatal: true', 'fatal: false', 'SEC-12 invalid UTF-8'],
    [
      'the gateway and PostgreSQL read another number',
      "    throw new SyntaxError('a number is out of range')\n",
      '',
      ' of 1e309',
    ],
    [
      'claims are nested as deep as one likes',
      "case '[':\n        if (open.push(undefined) > maxJsonDepth) throw new SyntaxError('nested too deep')",
      "case '[':\n        open.push(undefined)",
      'a payload nested over 32 levels',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/token/bearer.ts', 'packages/rowpass/test/token/bearer.test.ts', [
    [
      'of two tokens the first one counts',
      "more.length > 0 || value.includes(',')",
      "value.includes(',')",
      'SEC-19 %j is %s',
    ],
    [
      'two tokens in one header are one',
      "more.length > 0 || value.includes(',')",
      'more.length > 0',
      'SEC-19 %j is %s',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/token/key-set.ts', 'packages/rowpass/test/token/key-set.test.ts', [
    [
      'a key whose private half is published is believed',
      "if (Object.hasOwn(member, 'd') || Object.hasOwn(member, 'k'))\n",
      'if (false)\n',
      'private keys in a set, as in RFC 7517 A.2, are left out',
      'packages/rowpass/test/token/vectors.test.ts',
    ],
    [
      'a key for encryption verifies signatures',
      '  if (use !== \'sig\') return `"use" is not "sig"`\n',
      "  if (use === '') return 'another use'\n",
      'SEC-14 rejects the key for other uses and operations',
      'packages/rowpass/test/token/wycheproof-classes.test.ts',
    ],
    [
      'of two keys of one name either verifies',
      'if (twin !== undefined && twin.material !== key.material) ambiguous.add(key.kid)',
      '',
      'SEC-21 leaves out and names the kid of different keys, and no other',
    ],
    [
      'a set has any number of keys',
      'if (members.length > maxKeys) throw',
      'if (false) throw',
      'SEC-28 refuses more members than the limit',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/token/key-refresh.ts', 'packages/rowpass/test/token/remote-keys.test.ts', [
    [
      'keys of an issuer that is gone are good for ever',
      'return nowMs < memory.fetchedAt + (options.maxStaleMs ?? defaultMaxStaleMs) ? memory.set : undefined',
      'return memory.set',
      'SEC-27 leaves known keys in use up to the hard limit, and no longer',
    ],
    ['an issuer that fails is asked at once again', ' * 2 ** memory.failures', '', 'is asked less and less often'],
  ]),
  ...mistakesIn('packages/rowpass/src/token/remote-keys.ts', 'packages/rowpass/test/token/remote-keys.test.ts', [
    [
      'any number of requests waits for invented keys',
      'if (waiting >= maxWaiting) throw',
      'if (false) throw',
      'is refused at once when too many wait already',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/token/fetch-jwks.ts', 'packages/rowpass/test/token/fetch-jwks.test.ts', [
    [
      'whoever redirects the key set replaces the keys',
      "redirect: 'manual'",
      "redirect: 'follow'",
      'SEC-28 does not follow a redirect',
    ],
    [
      'a key set has any size',
      'if (length + value.length > maxBytes) {',
      'if (length + value.length > 16 * maxBytes) {',
      'SEC-28 refuses a body over the limit',
    ],
    [
      'a fetch of keys has no end',
      'return await Promise.race([timeout, locateAndRequest(options, controller.signal)])',
      'return await locateAndRequest(options, controller.signal)',
      'SEC-28 gives up on a fetch that does not heed its signal',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/token/discovery.ts', settings, [
    [
      'the metadata of any issuer says where the keys are',
      'if (issuer !== about.iss) {',
      "if (issuer !== about.iss && typeof issuer !== 'string') {",
      'SEC-28 believes no metadata %s',
    ],
    [
      'a public issuer sends the gateway into its own network',
      'if (isNearer(url, new URL(about.iss))) {',
      "if (isNearer(url, new URL(about.iss)) && url.port === '0') {",
      'SEC-28 leads a public issuer nowhere near, whatever is allowed',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/token/issuer-settings.ts', settings, [
    [
      'two entries of an issuer may both fit a token',
      'other.iss === issuer.iss && overlap(issuer, other)',
      'other.iss === issuer.iss && overlap(issuer, other) && issuer === other',
      'are refused where a token may fit both: %j',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/token/jwks-url.ts', 'packages/rowpass/test/token/jwks-url.test.ts', [
    [
      'keys come from the metadata service of a cloud',
      "  if (a === 169 && b === 254) return 'unusable'\n",
      '',
      'SEC-28 may not be %s',
    ],
    [
      'keys come over plain http',
      "  if (url.protocol !== 'https:' && !plain) throw new OptionError('jwksUrl is not https')\n",
      '',
      'SEC-28 may not be %s',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/token/base64url.ts', 'packages/rowpass/test/token/base64url.test.ts', [
    [
      'one signature has several texts',
      '    if (stray !== 0) return undefined\n',
      '',
      'SEC-13 has one text of each length for the same bytes',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/token/weak-keys.ts', 'packages/rowpass/test/token/weak-keys.test.ts', [
    ['an RSA key of 1024 bits verifies', 'const minRsaBits = 2048', 'const minRsaBits = 1024', 'SEC-15 of 2047 bits'],
    [
      'an Ed25519 key of small order, written unreduced, verifies anything',
      '((1n << 255n) - 1n)) % fieldPrime)',
      '((1n << 255n) - 1n)))',
      'SEC-15 is found at y',
    ],
    ['an RSA key with the exponent 1 verifies anything', 'e < 3n || ', '', 'SEC-15 with the exponent 1'],
  ]),
  ...mistakesIn('packages/rowpass/src/token/key.ts', 'packages/rowpass/test/token/key.test.ts', [
    [
      'a published key has the members of the private one',
      'for (const member of algorithms[alg].publicMembers) material',
      'for (const member of [...algorithms[alg].publicMembers, ...algorithms[alg].privateMembers]) material',
      'SEC-20 of a private %s key has its public members and no other',
    ],
    [
      'a key signs what its public half does not verify',
      "  if (!(await halvesMatch(key))) throw unusable('The private and public parts do not belong together')\n",
      '',
      'for %s whose halves are of two pairs is refused',
    ],
  ]),
  ...mistakesIn(
    'packages/rowpass/src/issuer/ring/encryption.ts',
    'packages/rowpass/test/issuer/ring/encryption.test.ts',
    [
      [
        'what is encrypted is not bound to its key',
        "JSON.stringify(['rowpass signing key', kid, alg]))\n}\n\nfunction wrapFacts({ kid, alg }: KeyIdentity, name: string): Bytes {\n  return new TextEncoder().encode(JSON.stringify(['rowpass wrapped key', kid, alg, name]))",
        "JSON.stringify(['rowpass signing key']))\n}\n\nfunction wrapFacts({ kid, alg }: KeyIdentity, name: string): Bytes {\n  return new TextEncoder().encode(JSON.stringify(['rowpass wrapped key']))",
        'SEC-25 is not opened with %s',
      ],
      [
        'the encrypted private key is not bound to its name',
        "JSON.stringify(['rowpass signing key', kid, alg])",
        "JSON.stringify(['rowpass signing key'])",
        'SEC-25 is opened with the key that it was put under',
        undefined,
        'the key that it is encrypted under is bound to the name, and to no other private key',
      ],
    ],
  ),
  ...mistakesIn(
    'packages/rowpass/src/issuer/ring/key-files.ts',
    'packages/rowpass/test/issuer/ring/key-files.test.ts',
    [
      [
        'a private key that the group reads is used',
        '(facts.mode & 0o077) !== 0',
        '(facts.mode & 0o007) !== 0',
        'are private ones with mode %o',
      ],
      [
        'a new private key is readable by everybody',
        'privateJwk, 0o600)',
        'privateJwk, 0o644)',
        'are a private one for the owner alone and a public one',
      ],
    ],
  ),
  ...mistakesIn('packages/rowpass/src/issuer/ring/ring.ts', 'packages/rowpass/test/issuer/ring/ring.test.ts', [
    [
      'a key signs before verifiers know it',
      '(timing.lagSeconds + timing.jwksMaxAgeSeconds + timing.skewSeconds) * 1000',
      '(timing.lagSeconds + timing.skewSeconds) * 1000',
      'SEC-23 lets a new key sign once every cached set has it',
    ],
    [
      'a key leaves the set while its tokens are good',
      'timing.lagSeconds + key.longestTtlSeconds + timing.skewSeconds',
      'timing.lagSeconds + timing.skewSeconds',
      'SEC-23 publishes an old key until the last token it signed is over',
    ],
    [
      'a revoked key comes back',
      "  if (ring.keys.some((key) => key.kid === kid)) throw new Failure('key_known', { detail: kid })\n",
      '',
      'the same key twice',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/issuer/ring/source.ts', 'packages/rowpass/test/issuer/ring/source.test.ts', [
    [
      'a copy of the ring that is too old signs',
      'return now() < copy.until && age >= 0 && age < copy.timing.lagSeconds * 1000 ? copy : undefined',
      'return copy',
      'SEC-29 signs and publishes nothing with a copy that is older than the lag',
    ],
    [
      'what is kept under one name signs under another',
      "    if (key.kid !== kid) throw new Failure('key_invalid', { detail: `What is kept as ${kid} is another key` })\n",
      '',
      'refuses a private half that is of another key',
    ],
  ]),
]
