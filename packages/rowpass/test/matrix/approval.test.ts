import { describe, expect, it } from 'vitest'
import { Failure } from '../../src/errors.ts'
import { type Approval, compareApprovals, isAlarming, parseApproval, printApproval } from '../../src/matrix/approval.ts'

const approved = (cells: Record<string, string>, identity = 'ada'): Approval => ({
  version: 1,
  identities: { [identity]: 'authenticated' },
  tables: { 'public.notes': { [identity]: { select: 'own', insert: 'own', update: 'own', delete: 'none', ...cells } } },
})

describe('an approved matrix', () => {
  it.each([
    ['own', 'own other', 'new', true],
    ['own', 'own move', 'new', true],
    ['none', 'own', 'new', true],
    ['grant', 'any', 'new', true],
    ['empty', 'own', 'new', true],
    ['own', 'untried', 'unverified', true],
    ['grant', 'untried', 'unverified', true],
    ['untried', 'grant', 'reason', false],
    ['own other', 'own', 'less', false],
    ['own move', 'none', 'less', false],
    ['own', 'error', 'less', false],
    ['grant', 'policy', 'reason', false],
    ['none', 'empty', 'reason', false],
  ])('takes "%s" that is "%s" now for %s', (before, after, kind, alarming) => {
    const [difference, ...more] = compareApprovals(approved({ update: before }), approved({ update: after }))
    expect(more).toEqual([])
    expect(difference).toEqual({ kind, table: 'public.notes', identity: 'ada', command: 'update', before, after })
    expect(isAlarming(difference!)).toBe(alarming)
  })

  it('takes access of an identity or table that it does not know for new, and one that is gone for less', () => {
    const kinds = (before: Approval, after: Approval) =>
      compareApprovals(before, after).map(({ command, kind }) => [command, kind])
    const none: Approval = { version: 1, identities: {}, tables: {} }
    expect(kinds(none, approved({}))).toEqual([
      ['select', 'new'],
      ['insert', 'new'],
      ['update', 'new'],
      ['delete', 'reason'],
    ])
    expect(kinds(approved({}), none)).toEqual([
      ['select', 'less'],
      ['insert', 'less'],
      ['update', 'less'],
      ['delete', 'reason'],
    ])
    expect(compareApprovals(approved({}), approved({}))).toEqual([])
  })

  it('is read as it was written', () => {
    expect(parseApproval(printApproval(approved({})))).toEqual(approved({}))
  })

  it.each([
    ['no JSON', '{', 'the approved matrix is not JSON'],
    ['another version', '{"version":2,"identities":{},"tables":{}}', /^the approved matrix: version: /],
    ['unknown members', '{"version":1,"identities":{},"tables":{},"x":1}', /^the approved matrix: : /],
  ])('is refused when it is %s', (_, text, detail) => {
    const parse = () => parseApproval(text)
    expect(parse).toThrow(Failure)
    expect(parse).toThrow(
      expect.objectContaining({
        code: 'input_invalid',
        detail: typeof detail === 'string' ? detail : expect.stringMatching(detail),
      }),
    )
  })
})
