import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { commands as everyCommand } from '../../src/cli/main.ts'
import { createSandbox, type Sandbox } from '../support/cli.ts'

describe('the command line', () => {
  let sandbox: Sandbox
  beforeEach(() => {
    sandbox = createSandbox()
  })
  afterEach(() => sandbox.remove())

  const commands = [
    ['dev'],
    ['gateway'],
    ['db', 'migrate'],
    ['db', 'seed'],
    ['keys', 'generate'],
    ['keys', 'list'],
    ['keys', 'rotate'],
    ['keys', 'revoke'],
    ['token'],
    ['matrix'],
    ['env'],
    ['explain'],
  ]

  const namesIn = (help: string): string[] => [...help.matchAll(/^ {2}([a-z][a-z-]*) /gm)].map(([, name = '']) => name)

  it('names what people begin with on its first screen, and says where the rest is', async () => {
    const { code, stdout } = await sandbox.run(['--help'])
    expect(code).toBe(0)
    const order = ['init', 'doctor', 'why', 'matrix', 'review', 'test', 'gateway', 'local', 'mcp', 'help']
    expect(namesIn(stdout)).toEqual(order.filter((name) => name === 'help' || name in everyCommand))
    expect(stdout).toContain('npx rowpass help all')
    expect(stdout).toContain('Exit codes: 0 done, 1 failed, 2 wrong usage, 3 nothing runs in this folder;')
    expect(stdout.split('\n').length).toBeLessThanOrEqual(30)
  })

  it('names every command and every exit code in its help', async () => {
    const { code, stdout } = await sandbox.run(['help', 'all'])
    expect(code).toBe(0)
    expect(namesIn(stdout).sort()).toEqual([...Object.keys(everyCommand), 'help'].sort())
    for (const [name] of commands) expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'))
    expect(stdout).toContain('Exit codes: 0 done, 1 failed, 2 wrong usage, 3 nothing runs in this folder;')
  })

  it.each([[['help', 'db', 'migrate']], [['help', 'explain']]])('%j is the help of that command', async (argv) => {
    const { code, stdout } = await sandbox.run(argv)
    expect(code).toBe(0)
    expect(stdout).toBe((await sandbox.run([...argv.slice(1), '--help'])).stdout)
    expect(stdout).toContain(`Usage: rowpass ${argv.slice(1).join(' ')}`)
  })

  it.each(commands)('shows examples in the help of "%s %s"', async (...command) => {
    const { code, stdout, stderr } = await sandbox.run([...command.filter(Boolean), '--help'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/Examples:\n {2}\$ .*npx rowpass|Examples:\n {2}\$ ROWPASS_/)
  })

  it('prints the version of the package', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
    expect(await sandbox.run(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
  })

  it.each([
    [['help', 'nonsense'], ''],
    [['nonsense'], "unknown command 'nonsense'"],
    [['--nonsense'], "unknown option '--nonsense'"],
    [['keys', 'generate', '--alg', 'HS256'], "'HS256' is invalid"],
    [['keys', 'generate', 'extra'], 'too many arguments'],
    [['token'], "required option '--sub <id>' not specified"],
    [['token', '--sub', 'ada', '--ttl', '0'], 'It is not a whole number from 1 to 86400'],
    [['token', '--sub', 'ada', '--ttl', '86401'], 'It is not a whole number from 1 to 86400'],
    [['token', '--sub', 'ada', '--claim', 'x'], 'It is not name=text'],
    [['token', '--sub', 'ada', '--claim', 'x:={'], 'What follows := is not JSON'],
    [['db', 'drop'], "unknown command 'drop'"],
  ])('answers %j with exit code 2', async (argv, text) => {
    const { code, stdout, stderr } = await sandbox.run(argv)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(text)
  })

  it('shows its help and exit code 2 without a command', async () => {
    const { code } = await sandbox.run([])
    expect(code).toBe(2)
  })

  it('says what is wrong with the configuration in one line, without the value', async () => {
    const { code, stderr } = await sandbox.run(['db', 'migrate'], { OWNER_DATABASE_URL: 'canary' })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error\[config_invalid\]: .*OWNER_DATABASE_URL is not of the form postgresql:.*\n$/)
    expect(stderr).not.toContain('canary')
  })
})
