/**
 * All that is known about a signature algorithm, in one table. Symmetric algorithms are absent on purpose: a public key
 * can then never be taken for a shared secret.
 */

/** The signature algorithms that Rowpass signs with and accepts (RFC 7518 §3.1, RFC 8037 §3.1). */
export type Algorithm = 'ES256' | 'RS256' | 'PS256' | 'EdDSA'

/** What one algorithm asks of a key and of a signature. */
export interface AlgorithmSpec {
  readonly kty: 'EC' | 'RSA' | 'OKP'
  /** The curve, where the key type has curves. */
  readonly crv?: 'P-256' | 'Ed25519'
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

const rsa = {
  kty: 'RSA',
  publicMembers: ['n', 'e'],
  privateMembers: ['d', 'p', 'q', 'dp', 'dq', 'qi'],
} as const satisfies Omit<AlgorithmSpec, 'parameters'>

/** The table; the order is that of preference when a key does not name its algorithm. */
export const algorithms: Readonly<Record<Algorithm, AlgorithmSpec>> = {
  ES256: {
    kty: 'EC',
    crv: 'P-256',
    publicMembers: ['crv', 'x', 'y'],
    privateMembers: ['d'],
    signatureBytes: 64,
    parameters: { name: 'ECDSA', hash: 'SHA-256' },
  },
  RS256: { ...rsa, parameters: { name: 'RSASSA-PKCS1-v1_5' } },
  // The salt is as long as the hash (RFC 7518 §3.5).
  PS256: { ...rsa, parameters: { name: 'RSA-PSS', saltLength: 32 } },
  EdDSA: {
    kty: 'OKP',
    crv: 'Ed25519',
    publicMembers: ['crv', 'x'],
    privateMembers: ['d'],
    signatureBytes: 64,
    parameters: { name: 'Ed25519' },
  },
}

/** Whether a value names an algorithm of the table. */
export function isAlgorithm(value: unknown): value is Algorithm {
  return typeof value === 'string' && Object.hasOwn(algorithms, value)
}

/**
 * The algorithm that a header or a JWK names: RFC 9864 has `Ed25519` in the place of `EdDSA`, and both are read.
 *
 * @returns undefined for a name that is not one of the table
 */
export function toAlgorithm(name: unknown): Algorithm | undefined {
  if (name === 'Ed25519') return 'EdDSA'
  return isAlgorithm(name) ? name : undefined
}

/**
 * The algorithms that a JWK may be used with: the one it names, or else all that fit its type and curve.
 *
 * Does NOT look at the key material, `use` or `key_ops`.
 *
 * @returns empty when the type, curve or named algorithm is not one of the table
 */
export function algorithmsOf(jwk: Readonly<Record<string, unknown>>): readonly Algorithm[] {
  const fitting = (Object.keys(algorithms) as Algorithm[]).filter((alg) => {
    const spec = algorithms[alg]
    return jwk.kty === spec.kty && (spec.crv === undefined || jwk.crv === spec.crv)
  })
  return jwk.alg === undefined ? fitting : fitting.filter((alg) => alg === toAlgorithm(jwk.alg))
}
