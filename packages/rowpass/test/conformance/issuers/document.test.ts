import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseIssuers } from '../../../src/gateway/issuers.ts'
import { expandPreset, presets } from '../../../src/token/presets/presets.ts'
import { repository } from '../../support/pg.ts'
import { kinds } from './kinds.ts'
import type { RealIssuer } from './real-issuer.ts'

const text = readFileSync(`${repository}docs/issuers.md`, 'utf8')

/** Each entry by the heading it stands under. */
const entries = [...text.matchAll(/^##+ (.+)\n(?:(?!^#)[\s\S])*?```json\n([\s\S]*?)```/gm)].map(
  ([, heading = '', entry = '']) => [heading, entry] as const,
)

describe('docs/issuers.md', () => {
  it('there is an entry for every preset', () => {
    const names = Object.values(presets).map(({ name }) => name)
    expect(entries.map(([heading]) => heading).sort()).toEqual(names.sort())
  })

  it.each(entries)('the entry for %s is one that the gateway takes', (_, entry) => {
    for (const { jwksUrl } of parseIssuers(entry)) expect(jwksUrl?.protocol).toBe('https:')
  })
})

describe.each([
  ['Better Auth', kinds[0][1]],
  ['oidc-provider', kinds[1][1]],
  ['Rowpass', kinds[2][1]],
  ['OpenAuth', kinds[3][1]],
])('%s', (heading, start) => {
  let issuer: RealIssuer

  beforeAll(async () => {
    issuer = await start()
  })
  afterAll(() => issuer.host.stop())

  it('the entry is the one that is tested, but for its addresses', () => {
    const [given] = JSON.parse(new Map(entries).get(heading) ?? '[{}]')
    const [documented = {}] = expandPreset({ ...given, ...(given.client && { client: issuer.trust.audience }) })
    const place = new URL(String(documented.iss)).origin
    const tested = JSON.parse(JSON.stringify(issuer.trust).replaceAll(issuer.host.origin, place))
    expect(documented).toEqual(tested)
  })
})
