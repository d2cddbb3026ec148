/** Mistakes in what the page of the demo may ask, and in what its tests hold against its API. */
import { type Mistake, mistakesIn } from './mistake.ts'

const page = 'demo/test/showcase.test.ts'
const document = 'demo/test/openapi.test.ts'

export const showcaseMistakes: readonly Mistake[] = [
  ...mistakesIn('packages/local/src/plain-statement.ts', page, [
    [
      'a statement that calls functions is explained by a superuser',
      "(!/^[A-Z]/.test(name) || plainNodes.has(name)) &&\n      (name !== 'A_Expr'",
      "(name !== 'A_Expr'",
      'is nothing else: %s',
    ],
    [
      'a second statement is explained with the first',
      "parsed.kind === 'tree' && parsed.statements.length === 1 &&",
      "parsed.kind === 'tree' &&",
      'is nothing else: %s',
    ],
    [
      "an operator of the owner's is evaluated on rows behind the policies",
      "plainOperators.has(first?.String?.sval ?? '')",
      'first !== undefined',
      'is nothing else: %s',
    ],
    ['a catalog of the system is explained', 'if (isOfSystem || isJoined', 'if (isJoined', 'is nothing else: %s'],
  ]),
  ...mistakesIn('packages/local/src/loopback.ts', page, [
    [
      'whatever runs on this machine asks what a superuser sees',
      " || !isSame(request.headers.authorization ?? '', `Bearer ${secret}`)",
      '',
      'nobody is answered without the secret',
    ],
  ]),
  ...mistakesIn('demo/src/middleware/only-own-hosts.ts', 'demo/test/app.test.ts', [
    [
      'a page whose name was made to point to this machine is signed in by the demo',
      'demo !== undefined && !hosts.every((host) => isHost(host, demo.hosts))',
      'demo !== undefined && hosts.length === 0',
      'SEC-78 no page whose own name points to this machine gets an answer: %s',
    ],
    [
      'the host of the URL alone is looked at, and not the header',
      "[new URL(c.req.url).host, c.req.header('Host') ?? '127.0.0.1']",
      '[new URL(c.req.url).host]',
      'SEC-78 no page whose own name points to this machine gets an answer: %s',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/handle.ts', 'packages/rowpass/test/gateway/server-timing.test.ts', [
    [
      'a gateway in production tells how long PostgreSQL took',
      'config.serverTiming ? createTiming(startedAt) : undefined',
      'createTiming(startedAt)',
      'is not told by default, whatever comes of a request',
    ],
  ]),
  ...mistakesIn('demo/test/conform.ts', document, [
    [
      'answers in tests are not held against the OpenAPI document',
      'return conform(path, init, await app.request(path, init, bindings))',
      'return app.request(path, init, bindings)',
      'is held against what the app answers, also where that comes from elsewhere',
    ],
  ]),
  ...mistakesIn('demo/src/routes/openapi.ts', document, [
    [
      'the document of a deployment has the sign-in without a password',
      "c.get('settings').demo !== undefined",
      'true',
      'has no path there that only DEMO has',
    ],
  ]),
]
