import { describe, expect, it } from 'vitest'
import { isSmallOrder, rsaWeakness } from '../../src/token/weak-keys.ts'

const p = 2n ** 255n - 19n
const mod = (n: bigint) => ((n % p) + p) % p

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  for (let b = mod(base), e = exponent; e > 0n; e >>= 1n, b = (b * b) % p) if (e & 1n) result = (result * b) % p
  return result
}

const inverse = (n: bigint) => power(n, p - 2n)
const d = mod(-121665n * inverse(121666n))

/** RFC 8032 §5.1.4, in affine coordinates. */
function double([x, y]: readonly [bigint, bigint]): readonly [bigint, bigint] {
  const product = mod(d * x * x * y * y)
  return [mod(2n * x * y * inverse(1n + product)), mod((y * y + x * x) * inverse(1n - product))]
}

/** RFC 8032 §5.1.3: an x for this y, or undefined when no point has it. */
function xOf(y: bigint): bigint | undefined {
  const square = mod((y * y - 1n) * inverse(d * y * y + 1n))
  const root = power(square, (p + 3n) / 8n)
  return [root, mod(root * power(2n, (p - 1n) / 4n))].find((x) => mod(x * x) === square)
}

function encode(y: bigint, sign: 0n | 1n): Uint8Array {
  const hex = (y | (sign << 255n)).toString(16).padStart(64, '0')
  return Uint8Array.from(Buffer.from(hex, 'hex')).reverse()
}

/** Multiplies by 8 and looks for the neutral element: the definition, computed without the table under test. */
function hasSmallOrder(y: bigint): boolean {
  const x = xOf(mod(y))
  if (x === undefined) return false
  const [x8, y8] = double(double(double([x, mod(y)])))
  return x8 === 0n && y8 === 1n
}

const order8 = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n
const small = [0n, 1n, p - 1n, order8, p - order8]

describe('an Ed25519 key of small order', () => {
  it.each([...small, p, p + 1n])('SEC-15 is found at y = %i, with either sign', (y) => {
    expect(hasSmallOrder(y)).toBe(true)
    expect([isSmallOrder(encode(y, 0n)), isSmallOrder(encode(y, 1n))]).toEqual([true, true])
  })

  it.each([2n, 3n, 4n, 9n, p - 2n, order8 + 1n, p - order8 - 1n])('is not seen at y = %i', (y) => {
    expect(hasSmallOrder(y)).toBe(false)
    expect(isSmallOrder(encode(y, 0n))).toBe(false)
  })
})

const bytes = (n: bigint) => {
  const hex = n.toString(16)
  return Uint8Array.from(Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex'))
}
const e = bytes(65_537n)
const modulus = (bits: bigint) => 2n ** (bits - 1n) + 12_345n

describe('an RSA key', () => {
  it.each([
    ['SEC-15 of 2047 bits', bytes(modulus(2047n)), e, '2047 bits'],
    ['SEC-15 padded to 2048 bits with zeros', Uint8Array.of(0, ...bytes(modulus(2040n))), e, '2040 bits'],
    ['of 8193 bits', bytes(modulus(8193n)), e, '8193 bits'],
    ['with an even modulus', bytes(modulus(2048n) + 1n), e, 'even'],
    ['SEC-15 with the exponent 1', bytes(modulus(2048n)), Uint8Array.of(1), 'exponent'],
    ['with the exponent 0', bytes(modulus(2048n)), Uint8Array.of(), 'exponent'],
    ['with the exponent 2', bytes(modulus(2048n)), Uint8Array.of(2), 'exponent'],
    ['with an exponent of 33 bits', bytes(modulus(2048n)), Uint8Array.of(1, 0, 0, 0, 1), 'exponent'],
    ['SEC-15 whose modulus is a power of 65537 modulo small primes', bytes(rocaLike()), e, 'CVE-2017-15361'],
  ])('%s is weak', (_, n, exponent, word) => {
    expect(rsaWeakness(n, exponent)).toContain(word)
  })

  it.each([
    ['of 2048 bits', modulus(2048n), 65_537n],
    ['of 8192 bits', modulus(8192n), 65_537n],
    ['with the exponent 3', modulus(2048n), 3n],
  ])('%s is not', (_, n, exponent) => {
    expect(rsaWeakness(bytes(n), bytes(exponent))).toBeUndefined()
  })
})

/** A number of 2048 bits that is 65537^5 modulo the product of the first primes. */
function rocaLike(): bigint {
  const primes = Array.from({ length: 167 }, (_, i) => i + 2).filter(
    (n) => ![2, 3, 5, 7, 11, 13].some((q) => q < n && n % q === 0),
  )
  const product = primes.reduce((all, prime) => all * BigInt(prime), 1n)
  const base = 65_537n ** 5n % product
  const start = 2n ** 2047n
  return start + product - (start % product) + base
}
