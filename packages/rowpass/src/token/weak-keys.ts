/**
 * Public keys that import without complaint and still prove nothing. WebCrypto leaves these checks to its caller.
 */

/** The fewest bits of an RSA modulus (RFC 7518 §3.3). */
const minRsaBits = 2048
/** The most bits of an RSA modulus: a longer one costs a verifier more than it is worth. */
const maxRsaBits = 8192
/** The most bits of an RSA exponent, for the same reason. */
const maxExponentBits = 32

/**
 * Says why an RSA public key must not be used.
 *
 * Finds a modulus that is short, huge or even, an exponent under which anybody can sign (1) or that is even or huge, and
 * keys made by the library with CVE-2017-15361. Does NOT find other shared or guessable primes.
 *
 * @param modulus big-endian, as `n` of the JWK decodes
 * @param exponent big-endian, as `e` of the JWK decodes
 * @returns undefined when there is nothing to say against the key
 */
export function rsaWeakness(modulus: Uint8Array, exponent: Uint8Array): string | undefined {
  const n = toBigInt(modulus)
  const e = toBigInt(exponent)
  const bits = n.toString(2).length
  if (bits < minRsaBits) return `the RSA modulus has ${bits} bits; ${minRsaBits} is the least`
  if (bits > maxRsaBits) return `the RSA modulus has ${bits} bits; ${maxRsaBits} is the most`
  if (n % 2n === 0n) return 'the RSA modulus is even'
  if (e < 3n || e % 2n === 0n || e.toString(2).length > maxExponentBits) return 'the RSA exponent is out of range'
  if (looksLikeRoca(n)) return 'the RSA key has the shape of CVE-2017-15361'
  return undefined
}

/**
 * Says whether an Ed25519 public key is a point of small order: signatures under it verify for any message.
 *
 * The sign bit is left out, as x is 0 or takes both signs for each of these y; y itself may be unreduced.
 *
 * @param publicKey 32 bytes, little-endian, as `x` of the JWK decodes
 * @see RFC 8032 §5.1.7
 */
export function isSmallOrder(publicKey: Uint8Array): boolean {
  const littleEndian = toBigInt(publicKey.toReversed())
  return smallOrderY.has((littleEndian & ((1n << 255n) - 1n)) % fieldPrime)
}

const fieldPrime = 2n ** 255n - 19n

/** The y coordinates of the eight points whose order divides 8: orders 1, 2, 4 (two points) and 8 (four points). */
const smallOrderY: ReadonlySet<bigint> = new Set([
  1n,
  fieldPrime - 1n,
  0n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
])

/** The primes whose residues tell the faulty generator's keys apart; a random modulus fits all of them once in 2^27. */
const rocaPrimes = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157]

/** The faulty primes are powers of 65537 modulo many small primes, and so is their product. */
function looksLikeRoca(n: bigint): boolean {
  return rocaPrimes.every((prime) => powersModulo(65537 % prime, prime).has(Number(n % BigInt(prime))))
}

function powersModulo(base: number, prime: number): Set<number> {
  const powers = new Set<number>()
  for (let power = 1; !powers.has(power); power = (power * base) % prime) powers.add(power)
  return powers
}

function toBigInt(bytes: Uint8Array): bigint {
  let hex = '0x0'
  for (const byte of bytes) hex += byte.toString(16).padStart(2, '0')
  return BigInt(hex)
}
