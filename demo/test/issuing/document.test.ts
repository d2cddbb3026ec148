import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { serveNode } from '../../../packages/rowpass/test/conformance/oauth/host.ts'
import { describePg, repository } from '../../../packages/rowpass/test/support/pg.ts'
import { password, startScene } from './scene.ts'

describePg('docs/issuer.md', () => {
  it('has examples that run, one after the other', async () => {
    const scene = await startScene()
    const host = await serveNode(scene)
    try {
      const page = readFileSync(`${repository}docs/issuer.md`, 'utf8')
      const examples = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, text]) => text)
      expect(examples).toHaveLength(3)
      const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', examples.join('\n')], {
        env: {
          PATH: process.env.PATH,
          API: host.url.origin,
          PASSWORD: password,
          SECRET: scene.secrets.service,
        },
      })
      const answers = stdout.split(/(?<=\})(?=\{)/).map((text) => JSON.parse(text) as Record<string, unknown>)
      expect(answers.map((answer) => Object.keys(answer)[0])).toEqual([
        'users',
        'access_token',
        'access_token',
        'access_token',
        'active',
      ])
      expect(answers.at(-1)).toMatchObject({ active: true })
    } finally {
      await host.close()
      await scene.close()
    }
  })
})
