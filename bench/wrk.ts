/**
 * A second load generator, of another make: wrk, where it is installed.
 * @see https://github.com/wg/wrk
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeScratch } from './scratch.ts'

/** What wrk saw. */
export interface WrkResult {
  readonly perSecond: number
  readonly p99Ms: number
}

/** Between requests in the file that the script reads: no request has it. */
const separator = '\x1e'
const script = `
local requests = {}
local next = 0
function init(args)
  local text = io.open(args[1], 'rb'):read('*a')
  for request in text:gmatch('([^\\30]+)\\30') do requests[#requests + 1] = request end
end
function request()
  next = next % #requests + 1
  return requests[next]
end
`
const unitMs: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000 }

/** Whether wrk is installed. */
export function hasWrk(): boolean {
  return spawnSync('wrk', ['--version']).error === undefined
}

/**
 * Puts a server under closed load by one thread of wrk.
 * @throws Error for an answer that is not 2xx, or what is no result
 */
export function runWrk(port: number, requests: readonly string[], clients: number, seconds: number): WrkResult {
  const folder = makeScratch()
  try {
    const [scriptFile, requestFile] = [join(folder, 'wrk.lua'), join(folder, 'requests')]
    writeFileSync(scriptFile, script)
    writeFileSync(requestFile, requests.map((request) => request + separator).join(''), 'latin1')
    const load = ['-t1', `-c${clients}`, `-d${seconds}s`, '--latency', '-s', scriptFile]
    const said = execFileSync('wrk', [...load, `http://127.0.0.1:${port}/`, '--', requestFile], { encoding: 'utf8' })
    const perSecond = /Requests\/sec: +([\d.]+)/.exec(said)?.[1]
    const [, p99, unit = ''] = /99% +([\d.]+)(us|ms|s)/.exec(said) ?? []
    if (perSecond === undefined || p99 === undefined || said.includes('Non-2xx')) throw new Error(said)
    return { perSecond: Number(perSecond), p99Ms: Number(p99) * (unitMs[unit] ?? Number.NaN) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
