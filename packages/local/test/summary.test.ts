/** What a person reads who has started everything. */
import { describe, expect, it } from 'vitest'
import { loadProject } from '../../rowpass/src/cli/project.ts'
import { demo, repository } from '../../rowpass/test/support/pg.ts'
import { describeSystem } from '../src/summary.ts'

const urls = { ownerUrl: '', databaseUrl: '', gatewayUrl: 'http://127.0.0.1:2/sql', apiUrl: 'http://127.0.0.1:1' }
const cwd = demo.slice(0, -1)

function describeIn(env: Record<string, string>): string {
  const io = { cwd, env, colours: false, signal: new AbortController().signal } as const
  const unused = { onReload: () => () => undefined, stdout: () => undefined, stderr: () => undefined }
  return describeSystem({ ...io, ...unused }, { project: loadProject({ cwd, env }), urls, seconds: 1 })
}

describe('the summary of a start', () => {
  it('names folders as seen from where npm was called', () => {
    const text = describeIn({ INIT_CWD: repository })
    expect(text).toContain('URLs for other programs: cd demo && npx rowpass env\n')
    expect(text).toContain('Logs: demo/.rowpass/gateway.log, demo/.rowpass/postgres.log\n')
  })

  it.each([[{ INIT_CWD: cwd }], [{}]])(
    'names none where that is the folder itself: %j',
    (env: Record<string, string>) => {
      const text = describeIn(env)
      expect(text).toContain('URLs for other programs: npx rowpass env\n')
      expect(text).toContain('Logs: .rowpass/gateway.log, .rowpass/postgres.log\n')
    },
  )
})
