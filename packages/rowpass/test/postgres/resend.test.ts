import { expect, it } from 'vitest'
import { createFlight, type Flight, leadingSteps, type Work } from '../../src/postgres/flight.ts'
import { isUnchanged } from '../../src/postgres/outgoing.ts'
import { resend } from '../../src/postgres/resend.ts'

const work: Work = {
  identity: undefined,
  statements: [{ sql: 'select $1::int', params: ['1'], prepare: true, shape: { arrayMode: true, rawText: true } }],
  begin: undefined,
  exclusive: false,
  reset: false,
  readOnly: true,
}

/** One that ended at a step with an error of PostgreSQL. */
function ended(of: Work, step: number, code: string, over: Partial<Flight>): Flight {
  const error = { kind: 'postgres', error: { code, severity: 'ERROR', message: '' } } as const
  return Object.assign(
    createFlight(of, () => {}, 'shared', 'ada'),
    { step, error },
    over,
  )
}

it.each([false, true])('a check of the schema that fails is never the answer, cancelled meanwhile: %s', (cancelled) => {
  const flight = ended(work, 1, '22012', { usedVersion: '1 2', cancelled })
  expect(flight.step).toBe(leadingSteps(flight) + 1)
  expect(resend(flight, false)?.statements[0]?.prepare).toBe(false)
  const again = { ...work, unlessVersion: '1 2' }
  expect(isUnchanged(ended(again, 0, '22012', { cancelled }))).toBe(true)
})

it('a division by zero of the statement is the answer, unless its parameters may have old types', () => {
  expect(resend(ended(work, 0, '22012', {}), false)).toBeUndefined()
  expect(resend(ended(work, 0, '22012', { usedVersion: '1 2' }), false)?.unlessVersion).toBe('1 2')
})
