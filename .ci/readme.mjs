// Runs every command of README.md as a reader would: all blocks fenced as ```sh, in order, in one shell.
// A command that runs until it is stopped (`npm start`) goes to the background, and the next one waits for `ready`.
// Usage: node .ci/readme.mjs <repository> <empty folder to work in>
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'

const [repository, folder] = process.argv.slice(2)
const readme = readFileSync(join(repository, 'README.md'), 'utf8')
const blocks = [...readme.matchAll(/^```sh\n(.*?)^```$/gms)].map((match) => match[1])
if (blocks.length === 0) throw new Error('README.md has no block fenced as ```sh')

const longRunning = /^(.* && )?(npm start|npm run dev|npx rowpass dev)$/
const body = blocks.flatMap((block) => block.split('\n').map((line) => line.replace(longRunning, '$1run $2')))

const script = `
set -euo pipefail
running=
PS4='$ '
finish() { status=$?; { set +x; } 2>/dev/null; if [ -n "$running" ]; then kill "$running" && wait "$running" || true; fi; exit $status; }
trap finish EXIT
run() {
  { set +x; } 2>/dev/null
  "$@" >"$LOG" 2>&1 & running=$!
  for _ in $(seq 300); do
    grep -q ^ready "$LOG" && break
    kill -0 "$running" 2>/dev/null || { cat "$LOG"; echo "it ended: $*"; exit 1; }
    sleep 0.1
  done
  cat "$LOG"
  grep -q ^ready "$LOG" || { echo "it was not ready in 30 s: $*"; exit 1; }
  set -x
}
set -x
${body.join('\n')}
`

mkdirSync(folder, { recursive: true })
const remote = /git clone (?:-\S+ )*(\S+)/.exec(script)?.[1]
const run = spawnSync('bash', ['-c', script], {
  cwd: remote === undefined ? repository : folder,
  stdio: ['ignore', 'inherit', 'inherit'],
  env: {
    ...process.env,
    LOG: join(folder, 'start.log'),
    // The clone comes from here, whatever address the README names.
    ...(remote !== undefined && {
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: `url.${pathToFileURL(repository).href}.insteadOf`,
      GIT_CONFIG_VALUE_0: remote,
    }),
  },
})
console.log(`README.md: ${blocks.length} blocks, exit code ${run.status}`)
process.exit(run.status ?? 1)
