/**
 * The drill: issuers side by side sign and rotate without a pause, and three verifiers look at every token in its whole life.
 * Then each issuer takes its key out at once, and the clock is stopped when the last verifier has noticed.
 */
import { decodeJwt } from 'jose'
import { parseGatewayConfig } from '../../packages/rowpass/src/gateway/config.ts'
import { createGateway } from '../../packages/rowpass/src/gateway/server.ts'
import { startRowpass } from './rowpass.ts'
import { cycleMs, type Subject, scale, sleep, ttlSeconds } from './subject.ts'
import {
  createGatewayVerifier,
  createJoseVerifier,
  createSlowVerifier,
  type VerifierName,
  type Verify,
  verifierNames,
} from './verifiers.ts'

/** What the drill needs of the world. */
export interface DrillOptions {
  readonly rotations: number
  /** The database of the gateway and of our ring; platform SQL applied. */
  readonly ownerUrl: string
  readonly gatewayUrl: string
  readonly issuerUrl: string
  readonly sealKeys: string
  /** Whether the others take part. */
  readonly rivals: boolean
  readonly onProgress?: (text: string) => void
}

/** What came of one issuer. */
export interface DrillResult {
  readonly name: string
  readonly says: string
  readonly rotations: number
  /** How often a token that was good was looked at, by verifier; undefined where it takes no part. */
  readonly looks: Partial<Record<VerifierName, number>>
  /** How often one was refused. */
  readonly refused: Partial<Record<VerifierName, number>>
  /** How often no token was given. */
  readonly unsigned: number
  readonly fetches: number
  /** Seconds of the drill in which a token of a removed key was still taken. */
  readonly removedFor: Partial<Record<VerifierName, number>>
  /** The same for our gateway when it was sent SIGHUP after the lag. */
  readonly removedForReloaded?: number
}

const signEveryMs = 100
/** A token is looked at when it is new, in between, and shortly before its end. */
const looksAt = [0, 0.5, 0.9]
/** What is this close to its expiry is not counted: clocks are compared by the second. */
const marginMs = 100
const removedWithinMs = 20_000

/** Runs it, in some `rotations` × 3.2 s and a minute more. */
export async function runDrill(options: DrillOptions): Promise<DrillResult[]> {
  let announce: (url: string) => void = () => undefined
  const gatewayUrl = new Promise<string>((resolve) => {
    announce = resolve
  })
  const database = new URL(options.gatewayUrl)
  const databaseUrl = `postgresql://authenticated@127.0.0.1:5432${database.pathname}`
  const subjects = [await startRowpass({ ...options, databaseUrl }, gatewayUrl)]
  if (options.rivals) subjects.push(...(await startRivals()))
  const config = parseGatewayConfig({
    ROWPASS_DATABASE_URL: options.gatewayUrl,
    ROWPASS_SEAL_KEYS: options.sealKeys,
    ROWPASS_ISSUERS: JSON.stringify(subjects.flatMap(({ trust }) => trust ?? [])),
    ROWPASS_PORT: '0',
    ROWPASS_PASSWORD_MODE: 'true',
    ROWPASS_PASSWORD_USERS: 'rowpass_issuer',
    // Scaled as all else: 30 s, which is the least that can be set, and ten minutes.
    ROWPASS_JWKS_MIN_SECONDS: '1',
    ROWPASS_JWKS_MAX_SECONDS: String(600 / scale),
  })
  const gateway = createGateway(config)
  try {
    const url = (await gateway.listen()).href
    while (!gateway.ready()) await sleep(10)
    announce(url)
    const reload = () => void gateway.reload(() => config)
    const stage = { url, databaseUrl, reload, ...options }
    // Ours alone, as it has the database and the gateway to itself in life as well; then the others together.
    const [ours, ...rivals] = subjects.map((subject) => () => drillOne(subject, stage))
    const first = await Promise.allSettled([ours?.()])
    const rest = await Promise.allSettled(rivals.map((drill) => drill()))
    return [...first, ...rest].flatMap((outcome) => {
      if (outcome.status === 'rejected') throw outcome.reason
      return outcome.value ?? []
    })
  } finally {
    await gateway.close()
    await Promise.all(subjects.map((subject) => subject.close()))
  }
}

/** Loaded only when they take part: they are large. */
async function startRivals(): Promise<Subject[]> {
  const [{ startBetterAuth }, { startOpenAuth }, { startOidcProvider }] = await Promise.all([
    import('./better-auth.ts'),
    import('./openauth.ts'),
    import('./oidc-provider.ts'),
  ])
  return [await startBetterAuth(), await startOpenAuth(), await startOidcProvider(false), await startOidcProvider(true)]
}

interface Stage extends DrillOptions {
  readonly url: string
  readonly databaseUrl: string
  /** Tells the gateway to ask every issuer again, as SIGHUP does. */
  readonly reload: () => void
}

async function drillOne(subject: Subject, stage: Stage): Promise<DrillResult> {
  const verifiers = new Map<VerifierName, Verify>([
    ['jose', createJoseVerifier(subject)],
    ['slow cache', createSlowVerifier(subject)],
  ])
  if (subject.trust !== undefined) verifiers.set('gateway', createGatewayVerifier(stage.url, stage.databaseUrl))
  const counts = await signAndRotate(subject, verifiers, stage)
  const fetches = subject.fetches()
  const removedFor = await removeKey(subject, verifiers)
  const ours = subject.name === 'Rowpass'
  const { gateway } = ours ? await removeKey(subject, verifiers, stage.reload) : {}
  const { name, says } = subject
  const result = { name, says, rotations: stage.rotations, ...counts, fetches, removedFor }
  return gateway === undefined ? result : { ...result, removedForReloaded: gateway }
}

async function signAndRotate(
  subject: Subject,
  verifiers: ReadonlyMap<VerifierName, Verify>,
  { rotations, onProgress }: Stage,
): Promise<Pick<DrillResult, 'looks' | 'refused' | 'unsigned'>> {
  const looks: Partial<Record<VerifierName, number>> = {}
  const refused: Partial<Record<VerifierName, number>> = {}
  const underWay = new Set<Promise<void>>()
  let over = false
  let unsigned = 0

  async function lookAt(token: string): Promise<void> {
    const expiresAt = (decodeJwt(token).exp ?? 0) * 1000
    const signedAt = Date.now()
    for (const share of looksAt) {
      await sleep(signedAt + share * (expiresAt - signedAt) - Date.now())
      await Promise.all(
        [...verifiers].map(async ([name, verify]) => {
          const accepted = await verify(token).catch(() => undefined)
          // No answer is none: the machine was too busy.
          if (accepted === undefined) return
          // What was answered too late says nothing.
          if (Date.now() > expiresAt - marginMs && !accepted) return
          looks[name] = (looks[name] ?? 0) + 1
          refused[name] = (refused[name] ?? 0) + (accepted ? 0 : 1)
        }),
      )
    }
  }

  const signing = (async () => {
    while (!over) {
      const next = sleep(signEveryMs)
      const token = await subject.token(ttlSeconds).catch((error: unknown) => {
        onProgress?.(`${subject.name}: ${error}`)
        unsigned += 1
      })
      if (token !== undefined) {
        const look = lookAt(token).finally(() => underWay.delete(look))
        underWay.add(look)
      }
      await next
    }
  })()
  for (let done = 1; done <= rotations; done++) {
    const next = sleep(cycleMs)
    await subject.rotate()
    await next
    if (done % 10 === 0) onProgress?.(`${subject.name}: ${done} of ${rotations} rotations`)
  }
  over = true
  await signing
  await Promise.all(underWay)
  return { looks, refused, unsigned }
}

/** @param reload what tells our gateway to ask again, once no instance publishes the key any longer */
async function removeKey(
  subject: Subject,
  verifiers: ReadonlyMap<VerifierName, Verify>,
  reload?: () => void,
): Promise<Partial<Record<VerifierName, number>>> {
  const token = await subject.token(60)
  const deadline = performance.now() + removedWithinMs
  for (const verify of verifiers.values()) {
    while (!(await verify(token)) && performance.now() < deadline) await sleep(100)
  }
  const removing = performance.now()
  await subject.remove()
  if (reload !== undefined) void sleep(250).then(reload)
  const seconds: Partial<Record<VerifierName, number>> = {}
  await Promise.all(
    verifierNames.map(async (name) => {
      const verify = verifiers.get(name)
      if (verify === undefined) return
      while (performance.now() - removing < removedWithinMs && (await verify(token))) await sleep(25)
      seconds[name] = (performance.now() - removing) / 1000
    }),
  )
  return seconds
}
