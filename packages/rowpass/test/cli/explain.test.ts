import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { causes } from '../../src/cli/causes.ts'
import { rules } from '../../src/doctor/rules.ts'
import { failures } from '../../src/failures.ts'
import { createSandbox, type Sandbox } from '../support/cli.ts'

describe('rowpass explain', () => {
  let sandbox: Sandbox
  beforeEach(() => {
    sandbox = createSandbox()
  })
  afterEach(() => sandbox.remove())

  it.each(['policy_refused', 'POLICY_REFUSED', 'error[policy_refused]: A policy refuses this row'])(
    'says what leads to %s and what ends it',
    async (given) => {
      const { code, stdout } = await sandbox.run(['explain', given])
      expect(code).toBe(0)
      expect(stdout).toContain(failures.policy_refused.says)
      expect(stdout).toContain(`Cause   ${causes.policy_refused.cause}`)
      expect(stdout).toContain(`Remedy  ${causes.policy_refused.remedy}`)
      expect(stdout).toContain('HTTP status 403, SQLSTATE 42501')
    },
  )

  it('explains a rule as the doctor does', async () => {
    const rule = rules.find(({ code }) => code === 'RLS033')
    const { code, stdout } = await sandbox.run(['explain', 'rls033'])
    expect(code).toBe(0)
    expect(stdout).toBe(`RLS033 ${rule?.slug} (${rule?.level})\n${rule?.title}\n\n${rule?.why}\n`)
    expect(stdout).toBe((await sandbox.run(['doctor', 'explain', 'RLS033'])).stdout)
  })

  it('has a cause and a remedy for every failure', async () => {
    const { stdout } = await sandbox.run(['explain', '--json'])
    const all = JSON.parse(stdout) as { kind: string; code: string; cause: string; remedy: string }[]
    const explained = all.filter(({ kind }) => kind === 'failure')
    expect(explained.map(({ code }) => code)).toEqual(Object.keys(failures))
    for (const { code, cause, remedy } of explained) {
      expect({ code, cause, remedy }).toEqual({
        code,
        cause: expect.stringMatching(/^[A-Z"].{20,}\.$/),
        remedy: expect.stringMatching(/^[A-Z"\d].{10,}[.\w]$/),
      })
    }
  })

  it('names codes that come near one that is none, and answers 2', async () => {
    const typo = await sandbox.run(['explain', 'token_expird'])
    expect(typo).toMatchObject({ code: 2, stdout: '' })
    expect(typo.stderr).toMatch(/there is no code "token_expird"; near it: token_expired, /)
    expect((await sandbox.run(['explain', '3D000'])).stderr).toContain('near it: database_unknown\n')
    expect((await sandbox.run(['explain', 'zzz'])).stderr).toMatch(/there is no code "zzz"\n/)
  })

  it('lists every code without one', async () => {
    const { stdout } = await sandbox.run(['explain'])
    expect(stdout.trimEnd().split('\n')).toHaveLength(Object.keys(failures).length + rules.length)
  })
})
