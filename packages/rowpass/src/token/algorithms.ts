/**
 * All that is known about a signature algorithm, in one table. Symmetric algorithms are absent on purpose: a public key
 * can then never be taken for a shared secret.
 */

/** The signature algorithms that Rowpass signs with, and accepts of every issuer (RFC 7518 §3.1, RFC 8037 §3.1). */
export type Algorithm = 'ES256' | 'RS256' | 'PS256' | 'EdDSA'

/** The signature algorithms that an issuer may be allowed: ours, and those of 384 and 512 bits where they are listed. */
export type AcceptedAlgorithm = Algorithm | 'ES384' | 'ES512' | 'RS384' | 'RS512' | 'PS384' | 'PS512'

/** What one algorithm asks of a key and of a signature. */
export interface AlgorithmSpec {
  readonly kty: 'EC' | 'RSA' | 'OKP'
  /** The curve, where the key type has curves. */
  readonly crv?: 'P-256' | 'P-384' | 'P-521' | 'Ed25519'
  /** The length of a coordinate of a point, where there are points. */
  readonly coordinateBytes?: number
  /** The public members of a JWK of this type, without metadata (RFC 7518 §6, RFC 8037 §2). */
  readonly publicMembers: readonly ('crv' | 'x' | 'y' | 'n' | 'e')[]
  /** The private members that are needed to sign; `oth` (multi-prime RSA) is not supported. */
  readonly privateMembers: readonly ('d' | 'p' | 'q' | 'dp' | 'dq' | 'qi')[]
  /** The length of every signature, where the algorithm fixes it. */
  readonly signatureBytes?: number
  /** What WebCrypto is told when it signs and verifies. */
  readonly parameters:
    | Readonly<EcdsaParams>
    | Readonly<RsaPssParams>
    | { readonly name: 'RSASSA-PKCS1-v1_5' | 'Ed25519' }
}

function rsa(parameters: AlgorithmSpec['parameters']): AlgorithmSpec {
  return {
    kty: 'RSA',
    publicMembers: ['n', 'e'],
    privateMembers: ['d', 'p', 'q', 'dp', 'dq', 'qi'],
    parameters,
  }
}

function ecdsa(crv: 'P-256' | 'P-384' | 'P-521', coordinateBytes: number, hash: string): AlgorithmSpec {
  return {
    kty: 'EC',
    crv,
    coordinateBytes,
    publicMembers: ['crv', 'x', 'y'],
    privateMembers: ['d'],
    signatureBytes: 2 * coordinateBytes,
    parameters: { name: 'ECDSA', hash },
  }
}

/** The table; the order is that of preference when a key does not name its algorithm. */
export const algorithms: Readonly<Record<AcceptedAlgorithm, AlgorithmSpec>> = {
  ES256: ecdsa('P-256', 32, 'SHA-256'),
  RS256: rsa({ name: 'RSASSA-PKCS1-v1_5' }),
  // The salt is as long as the hash (RFC 7518 §3.5).
  PS256: rsa({ name: 'RSA-PSS', saltLength: 32 }),
  EdDSA: {
    kty: 'OKP',
    crv: 'Ed25519',
    coordinateBytes: 32,
    publicMembers: ['crv', 'x'],
    privateMembers: ['d'],
    signatureBytes: 64,
    parameters: { name: 'Ed25519' },
  },
  ES384: ecdsa('P-384', 48, 'SHA-384'),
  ES512: ecdsa('P-521', 66, 'SHA-512'),
  RS384: rsa({ name: 'RSASSA-PKCS1-v1_5' }),
  RS512: rsa({ name: 'RSASSA-PKCS1-v1_5' }),
  PS384: rsa({ name: 'RSA-PSS', saltLength: 48 }),
  PS512: rsa({ name: 'RSA-PSS', saltLength: 64 }),
}

/** The algorithms that Rowpass signs with; of an issuer they are accepted unless it has a list of its own. */
export const ownAlgorithms: readonly Algorithm[] = ['ES256', 'RS256', 'PS256', 'EdDSA']

/** Whether a value names an algorithm that Rowpass signs with. */
export function isAlgorithm(value: unknown): value is Algorithm {
  return ownAlgorithms.some((alg) => alg === value)
}

/**
 * The algorithm that a header or a JWK names: RFC 9864 has `Ed25519` in the place of `EdDSA`, and both are read.
 *
 * @returns undefined for a name that is not one of the table
 */
export function toAlgorithm(name: unknown): AcceptedAlgorithm | undefined {
  if (name === 'Ed25519') return 'EdDSA'
  return typeof name === 'string' && Object.hasOwn(algorithms, name) ? (name as AcceptedAlgorithm) : undefined
}

/**
 * The algorithms that a JWK may be used with: the one it names, or else all that fit its type and curve.
 *
 * Does NOT look at the key material, `use` or `key_ops`.
 *
 * @returns empty when the type, curve or named algorithm is not one of the table
 */
export function algorithmsOf(jwk: Readonly<Record<string, unknown>>): readonly AcceptedAlgorithm[] {
  const fitting = (Object.keys(algorithms) as AcceptedAlgorithm[]).filter((alg) => {
    const spec = algorithms[alg]
    return jwk.kty === spec.kty && (spec.crv === undefined || jwk.crv === spec.crv)
  })
  return jwk.alg === undefined || jwk.alg === null ? fitting : fitting.filter((alg) => alg === toAlgorithm(jwk.alg))
}
