import { describe, expect, it } from 'vitest'
import type { Failure } from '../../src/errors.ts'
import { parseSqlBody } from '../../src/gateway/contract/request.ts'

describe('a body of POST /sql', () => {
  /** Why it is refused; undefined when it is not. */
  function refusal(params: string): string | undefined {
    try {
      parseSqlBody(`{"query":"select $1","params":${params}}`, {}, 10)
      return undefined
    } catch (error) {
      return (error as Failure).detail
    }
  }
  const tooDeep = /it is nested more than 100 levels deep$/
  const tooMany = /it has more than 1000000 values$/

  it('SEC-76 is nested up to 100 levels deep, brackets in texts and escaped quotes left out', () => {
    // The object around them is the first level.
    expect(refusal('['.repeat(99) + ']'.repeat(99))).not.toMatch(tooDeep)
    expect(refusal('['.repeat(100) + ']'.repeat(100))).toMatch(tooDeep)
    expect(refusal(JSON.stringify([`"\\${'['.repeat(200)}`]))).toBeUndefined()
    expect(refusal(`["\\\\",${'['.repeat(200)}`)).toMatch(tooDeep)
  })

  it('SEC-76 has up to a million values', () => {
    expect(refusal(`[[${'1,'.repeat(900_000)}1]]`)).toBeUndefined()
    expect(refusal(`[[${'1,'.repeat(1_000_000)}1]]`)).toMatch(tooMany)
  })
})
