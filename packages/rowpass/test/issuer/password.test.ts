import { describe, expect, it } from 'vitest'
import { comparePassword, Failure, hashPassword } from '../../src/exports/issuer.ts'

const password = 'correct horse battery staple'

describe('a password', () => {
  it('is hashed with figures of OWASP, and compared with what was made of it', async () => {
    const hash = await hashPassword(password)
    expect(hash).toMatch(/^\$scrypt\$ln=14,r=8,p=5\$[\w+/]{22}\$[\w+/]{43}$/)
    expect(await comparePassword(password, hash)).toEqual({ matches: true, outdated: false })
    expect(await comparePassword(`${password}!`, hash)).toEqual({ matches: false, outdated: false })
  })

  it('waits behind twenty others at most, and says when to come again', async () => {
    // Of figures that take no time; they wait in the same queue.
    const cheap = '$scrypt$ln=4,r=1,p=1$TmFDbA$abc'
    const results = await Promise.allSettled(Array.from({ length: 22 }, () => comparePassword(password, cheap)))
    const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
    expect(refused.map((reason) => reason instanceof Failure)).toEqual([true, true])
    expect(refused[0]).toMatchObject({ code: 'password_queue_full', retryAfterSeconds: 2 })
    await expect(hashPassword(password)).resolves.toContain('$scrypt$')
  })

  it.each([
    ['of another kind', '$2b$12$abcdefghijklmnopqrstuv'],
    ['empty', ''],
    ['with a salt that is no base64', '$scrypt$ln=14,r=8,p=5$a$b'],
    ['without memory', '$scrypt$ln=0,r=8,p=5$TmFDbA$abc'],
    ['that asks for 12 GiB', '$scrypt$ln=17,r=99,p=1$TmFDbA$abc'],
    ['that asks for 99 rounds', '$scrypt$ln=14,r=8,p=99$TmFDbA$abc'],
  ])('is refused by code where the hash is one %s', async (_, hash) => {
    const refused = await comparePassword(password, hash).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(Failure)
    expect(refused).toMatchObject({ code: 'password_hash_invalid' })
  })
})
