import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { failures } from '../packages/rowpass/src/failures.ts'
import { createMetrics } from '../packages/rowpass/src/gateway/metrics.ts'
import { variableOf } from '../packages/rowpass/src/gateway/setting-kinds.ts'
import { settings } from '../packages/rowpass/src/gateway/settings.ts'

const root = new URL('../', import.meta.url).pathname
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const unit = 'packaging/systemd/rowpass-gateway.service'
const rulesFile = 'packaging/prometheus/rowpass.rules.yaml'

const variables = new Set(Object.keys(settings).map((name) => variableOf(name as keyof typeof settings)))
const unknownSettings = (text: string): string[] =>
  [...text.matchAll(/\bROWPASS_[A-Z_]+/g)]
    .map(([name]) => name.replace(/_FILE$/, ''))
    .filter((name) => !variables.has(name as never))

async function metricNames(): Promise<Set<string>> {
  const metrics = createMetrics()
  metrics.watch({ open: 0, inFlight: 0, queued: 0, slow: 0, stuck: 0 }, () => true)
  const types = [...(await metrics.text()).matchAll(/^# TYPE (\w+) (\w+)$/gm)]
  return new Set(
    types.flatMap(([, name = '', type]) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ),
  )
}

const metricsIn = (text: string): string[] => text.match(/\browpass_[a-z_]+/g) ?? []

/** Debian's program; CI has it, and elsewhere it may be missing. */
const has = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0

interface Alert {
  readonly alert: string
  readonly expr: string
  readonly annotations: Readonly<Record<string, string>>
}
const alerts: Alert[] = parse(read(rulesFile)).groups.flatMap(({ rules }: { rules: Alert[] }) => rules)

interface Panel {
  readonly id: number
  readonly title: string
  readonly targets: readonly { readonly expr: string }[]
}
const panels: Panel[] = JSON.parse(read('packaging/grafana/rowpass.json')).panels

describe('alerts and the dashboard', () => {
  it('name metrics that a gateway has', async () => {
    const known = await metricNames()
    const named = [...alerts.map(({ expr }) => expr), read('packaging/grafana/rowpass.json')].flatMap(metricsIn)
    expect(named.length).toBeGreaterThan(30)
    expect(named.filter((name) => !known.has(name))).toEqual([])
  })

  it('show each metric of a gateway in some panel', async () => {
    const shown = panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => metricsIn(expr)))
    const left = [...(await metricNames())].filter((name) => !shown.includes(name))
    expect(left).toEqual(['rowpass_request_seconds_sum', 'rowpass_request_seconds_count'])
  })

  it('name outcomes and events that there are, and say what to look at', () => {
    const outcomes = alerts.flatMap(({ expr }) => [...expr.matchAll(/rowpass_requests_total\{outcome=~?"([^"]+)"/g)])
    const codes = outcomes.flatMap(([, names = '']) => names.split('|'))
    expect(codes.filter((code) => !(code in failures))).toEqual([])
    const events = read('packages/rowpass/src/events.ts')
    const named = alerts.flatMap(
      ({ annotations }) => annotations.look?.match(/\b(?!rowpass_|pg_)[a-z]+_[a-z_]+\b/g) ?? [],
    )
    expect(named.length).toBeGreaterThan(5)
    expect(named.filter((name) => !events.includes(`'${name}'`))).toEqual([])
    expect(alerts.filter(({ annotations }) => !annotations.summary || !annotations.look)).toEqual([])
  })

  it.runIf(has('promtool'))(
    'are taken by Prometheus; each alert comes when it is to, and none does while all is well',
    () => {
      const folder = mkdtempSync(join(tmpdir(), 'rowpass-rules-'))
      try {
        const promtool = (...argv: string[]) =>
          execFileSync('promtool', argv, { cwd: join(root, 'packaging/prometheus'), encoding: 'utf8' })
        expect(promtool('test', 'rules', 'rowpass.rules.test.yaml')).toContain('SUCCESS')
        const tests = parse(read('packaging/prometheus/rowpass.rules.test.yaml')).tests.map(
          ({ name }: { name: string }) => name,
        )
        expect(tests).toEqual(['all is well', ...alerts.map(({ alert }) => alert)])
        // What Grafana puts in by itself.
        const exprs = panels.flatMap(({ targets }) =>
          targets.map(({ expr }) => expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*')),
        )
        const rules = exprs.map((expr, index) => ({ record: `panel:${index}`, expr }))
        writeFileSync(join(folder, 'panels.yaml'), JSON.stringify({ groups: [{ name: 'panels', rules }] }))
        expect(promtool('check', 'rules', join(folder, 'panels.yaml'))).toContain(
          `SUCCESS: ${exprs.length} rules found`,
        )
      } finally {
        rmSync(folder, { recursive: true })
      }
    },
  )
})

describe('the unit of systemd', () => {
  it('sets settings that there are, keeps secrets out of the environment, and writes no core', () => {
    expect(unknownSettings(read(unit))).toEqual([])
    expect(read(unit)).not.toMatch(/^Environment=.*ROWPASS_(DATABASE_URL|SEAL_KEYS)=/m)
    expect(read(unit)).toMatch(/^LimitCORE=0$/m)
  })

  it.runIf(has('systemd-analyze'))('is one that systemd reads without a complaint, and that is exposed little', () => {
    const folder = mkdtempSync(join(tmpdir(), 'rowpass-unit-'))
    try {
      // The program is looked for.
      const text = read(unit).replace('/usr/bin/node', process.execPath)
      const file = join(folder, 'rowpass-gateway.service')
      writeFileSync(file, text)
      const verify = spawnSync('systemd-analyze', ['verify', '--man=no', '--recursive-errors=no', file], {
        encoding: 'utf8',
      })
      expect({ status: verify.status, said: verify.stdout + verify.stderr }).toEqual({ status: 0, said: '' })
      const security = spawnSync(
        'systemd-analyze',
        ['security', '--offline=true', '--no-pager', '--threshold=15', file],
        { encoding: 'utf8' },
      )
      expect({ status: security.status, said: security.stderr }).toEqual({ status: 0, said: '' })
      const open = text
        .replace('NoNewPrivileges=yes\n', '')
        .replace('ProtectSystem=strict\n', '')
        .replace('CapabilityBoundingSet=\n', '')
      writeFileSync(file, open.replace('DynamicUser=yes\n', ''))
      expect(
        spawnSync('systemd-analyze', ['security', '--offline=true', '--no-pager', '--threshold=15', file]).status,
      ).not.toBe(0)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('the image', () => {
  const lines = read('packaging/container/Containerfile').split('\n')
  const last = (name: string) =>
    lines
      .filter((line) => line.startsWith(`${name} `))
      .at(-1)
      ?.slice(name.length + 1)

  it('runs as nobody in particular, is asked for its health, and holds no secret', () => {
    expect(Number(last('USER')?.split(':')[0])).toBeGreaterThan(0)
    expect(last('HEALTHCHECK')).toContain('CMD ["node", "/opt/rowpass/healthy.mjs"]')
    expect(unknownSettings(lines.join('\n'))).toEqual([])
    expect(lines.join('\n')).not.toMatch(/ROWPASS_(DATABASE_URL|SEAL_KEYS)/)
  })

  it('is asked for its health in a way that tells ready from not ready', async () => {
    const { createServer } = await import('node:http')
    for (const [status, code] of [
      [200, 0],
      [503, 1],
    ] as const) {
      const server = createServer((request, response) =>
        response.writeHead(request.url === '/readyz' ? status : 404).end(),
      )
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const address = server.address()
      const port = typeof address === 'object' ? String(address?.port) : ''
      const { spawn } = await import('node:child_process')
      const child = spawn(process.execPath, [join(root, 'packaging/container/healthy.mjs')], {
        env: { ROWPASS_PORT: port },
      })
      expect(await new Promise((resolve) => child.on('close', resolve))).toBe(code)
      await new Promise((resolve) => server.close(resolve))
    }
  })
})

describe('the compose file', () => {
  const { services, secrets } = parse(read('packaging/container/compose.yaml')) as {
    services: Record<
      string,
      {
        environment: Record<string, string>
        secrets: string[]
        ports?: string[]
        depends_on?: Record<string, unknown>
      } & Record<string, unknown>
    >
    secrets: Record<string, { file: string }>
  }

  it('sets settings that there are, from files that are given to the service', () => {
    expect(unknownSettings(read('packaging/container/compose.yaml'))).toEqual([])
    for (const { environment, secrets: given } of Object.values(services)) {
      const files = Object.values(environment).filter((value) => value.startsWith('/run/secrets/'))
      expect(given).toEqual(expect.arrayContaining(files.map((file) => file.slice('/run/secrets/'.length))))
      expect(given.filter((name) => !(name in secrets))).toEqual([])
    }
  })

  it('opens one port, on this machine alone, and waits for what it needs', () => {
    expect(Object.values(services).flatMap(({ ports = [] }) => ports)).toEqual(['127.0.0.1:4444:4444'])
    expect(settings.port.default).toBe('4444')
    expect(Object.keys(services.gateway?.depends_on ?? {})).toEqual(['migrate'])
    expect(Object.keys(services.migrate?.depends_on ?? {})).toEqual(['postgres'])
  })

  it.each(['gateway', 'migrate'])('gives %s no way to write, and no capability', (name) => {
    expect(services[name]).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    })
  })
})

describe('the page for when it goes wrong', () => {
  const page = read('docs/when-it-goes-wrong.md')

  it('names codes, events, metrics and settings that there are', async () => {
    const metrics = await metricNames()
    const events = read('packages/rowpass/src/events.ts')
    const words = [...page.matchAll(/`([a-z]+(?:_[a-z]+)+)`/g)].map(([, word = '']) => word)
    expect(words.length).toBeGreaterThan(40)
    const known = (word: string) =>
      word in failures ||
      events.includes(`'${word}'`) ||
      metrics.has(word) ||
      metrics.has(`${word}_bucket`) ||
      word.startsWith('pg_')
    const hardening = read('packages/rowpass/src/database/harden-steps.ts')
    expect(
      words.filter((word) => !known(word) && !hardening.includes(`'${word}'`) && word !== 'max_connections'),
    ).toEqual([])
    expect(unknownSettings(page)).toEqual([])
  })

  it('names commands that there are', () => {
    const commands = [...page.matchAll(/npx rowpass ([a-z-]+)/g)].map(([, name = '']) => name)
    expect(commands.filter((name) => !existsSync(join(root, `packages/rowpass/src/cli/commands/${name}.ts`)))).toEqual(
      [],
    )
  })
})
