/** Mistakes between the socket and the pool: `gateway`. */
import { type Mistake, mistakesIn } from './mistake.ts'

const limits = 'packages/rowpass/test/gateway/limits.test.ts'
const tokens = 'packages/rowpass/test/gateway/tokens.test.ts'
const password = 'packages/rowpass/test/gateway/password.test.ts'
const guessing = 'packages/rowpass/test/gateway/guessing.test.ts'
const attempts = 'packages/rowpass/test/gateway/attempts.test.ts'
const operation = 'packages/rowpass/test/gateway/operation.test.ts'
const disclosure = 'packages/rowpass/test/gateway/disclosure.test.ts'
const webSocket = 'packages/rowpass/test/gateway/websocket.test.ts'
const workers = 'packages/rowpass/test/gateway/workers.test.ts'
const sessions = 'packages/rowpass/test/gateway/websocket-sessions.test.ts'

export const gatewayMistakes: readonly Mistake[] = [
  ...mistakesIn('packages/rowpass/src/gateway/admission.ts', 'packages/rowpass/test/gateway/admission.test.ts', [
    [
      'an owner with many tokens causes an admission for each',
      '    if (allowance.answers < answersPerAdmission) return\n',
      '',
      'SEC-76 many tokens of one owner are admitted no faster than for a part of its answers',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/postgres/incoming.ts', 'packages/rowpass/test/gateway/under-way.test.ts', [
    [
      'answers count when they are whole, and not while they are made',
      'if (flight.work.hold?.(size) === false) onNoRoom(flight)',
      '',
      'SEC-77 are counted while they are made, and a change that was made is made',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/handle.ts', limits, [
    [
      'a token names any database',
      "      if (!config.databases.has(login.database)) throw new Failure('database_unknown')\n",
      '',
      'SEC-64 refuses the database in',
    ],
    [
      'without a token one learns which databases there are',
      '    const identified = tokenPath.identify(request, timing)\n',
      "    if (!config.databases.has(login.database)) throw new Failure('database_unknown')\n    const identified = tokenPath.identify(request, timing)\n",
      'SEC-64 without a valid token nobody learns which databases there are',
    ],
    [
      'password mode that is off is on',
      'logins.on && request.headers.authorization === undefined',
      'request.headers.authorization === undefined',
      'a password is no login, right or wrong',
      password,
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/token-path.ts', 'packages/rowpass/test/gateway/attacks.test.ts', [
    [
      'a statement that was refused runs',
      '        if (refused !== undefined) return { who, verdicts, ending: refuseStatement(refused) }\n',
      '',
      "set_config('rowpass.claims',",
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/reload.ts', 'packages/rowpass/test/gateway/operation.test.ts', [
    [
      'a seal key that the database does not know is put in force',
      '    await tryExpected(config, inForce, expected)\n',
      '',
      'a seal key that it does not know, %s, is refused with all that comes with it',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/traffic.ts', 'packages/rowpass/test/gateway/traffic.test.ts', [
    [
      'whoever has moved many bytes does not wait',
      'if (waitMs <= 0 ||',
      'if (waitMs < Number.POSITIVE_INFINITY ||',
      'SEC-77 may be as much at once as two seconds allow, then it waits, and nobody else does',
    ],
    [
      'a large body waits for as long as its owner moves others',
      'if (waitMs > maxWaitMs) {',
      'if (Number.isNaN(waitMs)) {',
      'SEC-77 is refused when it would wait for too long, and that does not count',
    ],
    [
      'who has gone is waited for, with what it holds',
      "        signal?.addEventListener('abort', leave, { once: true })\n",
      '',
      'keeps nobody waiting who has gone',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/token-path.ts', 'packages/rowpass/test/gateway/traffic.test.ts', [
    [
      'answers may be as large and as many as one likes',
      '        traffic.moved(owner, lengthOfBody(ending.response))\n',
      '',
      'SEC-77 %s counts against whoever moved it',
    ],
    [
      'a body whose length is not announced is none',
      '        traffic.moved(owner, come - announced)\n',
      '',
      'SEC-77 a body without an announced length counts too',
    ],
    [
      'one head with a length shuts out a whole tenant',
      "Math.min(Number(request.headers['content-length'] ?? 0) || 0, config.maxRequestBytes)",
      "Number(request.headers['content-length'] ?? 0) || 0",
      'SEC-77 who announces %s keeps nobody of their tenant waiting',
      undefined,
      'what did not come is given back, whatever was announced; the bound is for those who send while it waits',
    ],
    [
      'what is announced counts for ever',
      'moved(owner, come - announced)',
      'moved(owner, Math.max(come - announced, 0))',
      'SEC-77 who announces %s keeps nobody of their tenant waiting',
    ],
  ]),
  ...mistakesIn(
    'packages/rowpass/src/gateway/threads/job-thread.ts',
    'packages/rowpass/test/gateway/job-thread.test.ts',
    [
      [
        'on a busy machine honest clients are refused for time that nobody has used',
        'usedMs ?? usedAt - startedAt',
        'usedAt - startedAt',
        'SEC-77 bills an owner for what the job took, and not for what this process or the machine did meanwhile',
      ],
    ],
  ),
  ...mistakesIn('packages/rowpass/src/cli/process-io.ts', 'packages/rowpass/test/cli/process-io.test.ts', [
    [
      'the end of a log, or of a long output, is lost where its reader is slow',
      '      await Promise.all([process.stdout, process.stderr].map(isRead))\n',
      '',
      'waits for whoever reads what it has printed, however slowly',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/http/receive.ts', 'packages/rowpass/test/gateway/traffic.test.ts', [
    [
      'a large body that is refused is read to its end',
      'if (request.complete) return false',
      'if (!request.complete) return false',
      'SEC-76 a large body that is refused is not read on',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/workers/share.ts', workers, [
    [
      'each worker has as many connections as the whole may have',
      '    poolSize: part(config.poolSize),\n',
      '',
      'of them have no more together than the whole may have',
    ],
    [
      'with each worker come as many wrong passwords of one address',
      '    passwordAddressFailures: part(config.passwordAddressFailures),\n',
      '',
      'of them have no more together than the whole may have',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/http/http.ts', workers, [
    [
      'nobody watches how long a client of a worker takes for its headers',
      "      if (!watched && !http1.listening) http1.emit('listening')\n",
      '',
      'a connection that was handed over has as long for its headers as any other',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/under-way.ts', 'packages/rowpass/test/gateway/under-way.test.ts', [
    [
      'a request counts for nobody while its answer is read',
      '    request.onClose(() => this.#leave(entry))\n',
      '    this.#leave(entry)\n',
      'SEC-65 a request counts until its answer was read',
      'packages/rowpass/test/gateway/tenant-limits.test.ts',
    ],
    [
      'one identity holds all the memory for answers',
      'const room = owner.bytes + bytes <= this.#limits.maxOwnerBytes',
      'const room = true',
      'SEC-77 is no more than the part of one owner, however many requests it has',
    ],
    [
      'answers that nobody reads take any memory',
      'while (this.#bytes + bytes > this.#limits.maxBytes) {',
      'while (this.#bytes < 0) {',
      'SEC-77 where all is taken, who holds most loses the largest, and nobody who holds less',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/contract/respond.ts', tokens, [
    [
      'what the server says of the session’s seal and roles is heard',
      "  if (flight.step < leadingSteps(flight)) throw new Error('the session could not be prepared', { cause })\n",
      '',
      'SEC-38 a role on the list that the login cannot take, %s, is a fault of ours, and nothing runs',
    ],
    [
      'an ended session is a fault of the statement',
      "code === '28000' && schema === 'rowpass' && constraint === 'session_revoked'",
      'false',
      'SEC-36 SEC-17 is refused by the next query of a warm gateway, with a code and a challenge',
      'packages/rowpass/test/gateway/revocation.test.ts',
    ],
    [
      'a function of the owner says that a session was ended',
      " && schema === 'rowpass' && constraint === 'session_revoked'",
      '',
      'an error of a function of the owner is not taken for it',
      'packages/rowpass/test/gateway/revocation.test.ts',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/audit.ts', operation, [
    [
      'a client writes what it likes into the log',
      'traceparent !== undefined && traceContext.test(traceparent)',
      'traceparent !== undefined',
      'the trace context of a request is in its log line, and SQL can read it',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/work.ts', 'packages/rowpass/test/gateway/isolation.test.ts', [
    [
      'a statement that needs a reset gets none',
      '    exclusive,\n    reset,\n',
      '    exclusive,\n    reset: false,\n',
      'the next borrower of the connection finds nothing after',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/password/over-http.ts', password, [
    [
      'a password user names any database',
      "      if (!config.databases.has(login.database)) throw new Failure('database_unknown')\n",
      '',
      'an unknown database',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/caller.ts', operation, [
    [
      'a seal key that was replaced goes on sealing',
      '    if (key !== sealKey()) {',
      '    if (false) {',
      'seals with a new key while requests are under way; none fails',
    ],
    [
      'the audit line has the token’s id',
      ".digest('hex').slice(0, 16)",
      ".digest('hex').slice(0, 0) + jti",
      'SEC-67 the audit record of a request says who, what and how it ended',
      disclosure,
    ],
    [
      'all tenants count as one',
      "[iss, 'tenant', tenant])",
      '[iss])',
      'SEC-65 a flood of one tenant is held back, and another tenant is served at once',
      'packages/rowpass/test/gateway/tenant-limits.test.ts',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/http/receive.ts', limits, [
    [
      'of two Authorization headers the first one counts',
      'headers.authorization = headers.authorization === undefined ? value : [headers.authorization, value].flat()',
      'headers.authorization ??= value',
      'SEC-19 two Authorization headers are refused, even when both are valid',
      tokens,
    ],
    [
      'a body without a length is read to its end',
      'if (size > maxBytes) refuse(requestTooLarge(maxBytes))',
      'if (false) refuse(requestTooLarge(maxBytes))',
      'SEC-65 a body without a declared length is cut off at the limit',
    ],
    [
      'anybody says which address they have',
      'addressHeader === undefined ? undefined : request.headers[addressHeader]',
      "request.headers[addressHeader ?? 'x-forwarded-for']",
      'has the address of its connection, whatever it says itself, where no header is named',
      guessing,
    ],
    [
      'a large body is read whole before anybody else has a turn',
      'if (size > unpacedBytes) readInTurn(request)',
      '',
      'SEC-76 large bodies are read in small pieces, and others have their turn between them',
      'packages/rowpass/test/gateway/receive.test.ts',
    ],
  ]),
  ...mistakesIn(
    'packages/rowpass/src/gateway/threads/job-thread.ts',
    'packages/rowpass/test/gateway/job-thread.test.ts',
    [
      [
        'one text or body keeps the thread for ever',
        'const timer = setTimeout(onLate, options.maxRunMs)',
        'const timer = setTimeout(() => {}, options.maxRunMs)',
        'one that runs too long is ended and may be tried again, others that wait are done by the next thread',
      ],
    ],
  ),
  ...mistakesIn(
    'packages/rowpass/src/gateway/threads/budget-queue.ts',
    'packages/rowpass/test/gateway/budget-queue.test.ts',
    [
      [
        'one identity takes all the time for judging',
        '    if (overMs <= 0) return false\n',
        '    if (overMs !== undefined) return false\n',
        'is refused for an owner who has used more than the budget, with the time to wait, and for nobody else',
      ],
      [
        'whoever came first is judged first, however much they had',
        '      if (used >= least) continue\n',
        '      if (next !== undefined) continue\n',
        'is taken in the order of its owner, and of whoever used least first',
      ],
      [
        'any number of texts waits to be judged',
        '      if (size > limits.maxWaiting) refuseNewestOfMost()\n',
        '',
        'is refused when there is too much of it: the newest of whoever has most',
      ],
    ],
  ),
  ...mistakesIn('packages/rowpass/src/gateway/threads/heavy.ts', 'packages/rowpass/test/gateway/floods.test.ts', [
    [
      'large bodies are read where all requests wait',
      'if (body.length > maxBodyBytesHere) return parseLarge',
      'if (false) return parseLarge',
      'SEC-76 %s: nobody waits for them',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/contract/request.ts', 'packages/rowpass/test/gateway/wire.test.ts', [
    [
      'a body has values without end',
      '        if (++values > maxValues) return `it has more than ${maxValues} values`\n',
      '',
      'SEC-76 has up to a million values',
      'packages/rowpass/test/gateway/body.test.ts',
    ],
    [
      'a body is nested as deep as one likes',
      '        if (++depth > maxDepth) return `it is nested more than ${maxDepth} levels deep`\n',
      '',
      'SEC-76 is nested up to 100 levels deep',
      'packages/rowpass/test/gateway/body.test.ts',
    ],
    [
      'a batch has any length',
      '  if (body.queries.length > maxBatch) {',
      '  if (false) {',
      'SEC-65 a batch of the allowed length runs, one more statement is refused',
      limits,
    ],
    [
      'a statement has any number of parameters',
      '  if (params.length > maxParams) {',
      '  if (false) {',
      'SEC-65 more than 65,535 parameters are refused',
    ],
    [
      'what is behind a NUL is another statement than the one that was judged',
      "  if (sql.includes('\\0')) throw new Failure('request_invalid', { detail: 'a query has no NUL character' })\n",
      '',
      'a NUL character',
    ],
    [
      'a user name brings other parameters of the session',
      "  if (Object.values(read).some((value) => value?.includes('\\0'))) {",
      '  if (false) {',
      'SEC-64 a NUL in the connection string does not bring in',
      password,
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/contract/refuse.ts', disclosure, [
    [
      'a violation inside of a function shows a hidden row',
      'return violation.test(code) && where !== undefined',
      'return false && where !== undefined',
      'a CHECK in a function of the owner',
    ],
    [
      'violations of a view’s check option show a hidden row',
      'const violation = /^(23|44)/',
      'const violation = /^23/',
      'SEC-66 %s shows nothing of the row',
      'packages/rowpass/test/gateway/disclosure.test.ts',
    ],
    [
      'an error tells where the owner’s functions are',
      '    position: position ?? null,\n',
      '    position: position ?? null,\n    where: error.where ?? null,\n',
      'SEC-66 %s shows nothing of the row',
      'packages/rowpass/test/gateway/disclosure.test.ts',
    ],
    [
      'what nobody foresaw is told to the client',
      "return { ...failureResponse(new Failure('internal')), status: 500 }",
      "return { ...failureResponse(new Failure('internal', { detail: new Error().stack ?? '' })), status: 500 }",
      'SEC-38 a role on the list that the login cannot take, %s, is a fault of ours, and nothing runs',
      tokens,
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/server.ts', limits, [
    [
      'a web page whose name points here asks the gateway',
      '    if (!isAnswered(request, config.hosts)) return unknownHostResponse\n',
      '',
      'SEC-78 a page of another name gets no answer',
      'packages/rowpass/test/gateway/hosts.test.ts',
    ],
    [
      'pages of every origin read answers',
      'if (origin === undefined || !config.corsOrigins.has(origin)) return headers',
      'if (origin === undefined) return headers',
      'SEC-65 the origin %s may not',
    ],
    [
      'the keys of issuers that were taken out go on after a reload',
      'verifier.replaceIssuers(next.issuers)\n',
      '',
      'accepts a new issuer and refuses one that was taken out, cached tokens too',
      operation,
    ],
    [
      'users who may no longer log in stay',
      'webSockets.endRefused()\n',
      '',
      'is changed by a reload, which ends the sessions of those who no longer may',
      guessing,
    ],
    [
      'a gateway that cannot serve says that it is ready',
      'return !closing && catalog.prepared && catalog.reached && heavy.ready && pool.open > 0',
      'return true',
      'makes it say so and not be ready',
      operation,
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/http/answering.ts', 'packages/rowpass/test/gateway/http.test.ts', [
    [
      'answers that nobody reads stay for ever',
      'else if (now - underway.movedAt > stallMs) giveUp(response, underway)',
      '',
      'SEC-77 is dropped with its connection',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/http/http.ts', 'packages/rowpass/test/gateway/http.test.ts', [
    [
      'a client that says nothing keeps its place',
      '    const silence = setTimeout(() => socket.destroy(), headersMs)',
      '    const silence = setTimeout(() => {}, headersMs)',
      'a client that says nothing is not kept',
    ],
    [
      'a client over HTTP/2 keeps a body open',
      '  const timer = setTimeout(() => request.stream.close(constants.NGHTTP2_CANCEL), requestMs)',
      '  const timer = setTimeout(() => {}, requestMs)',
      'an HTTP/2 client that does not finish its body has its stream closed, the connection stays',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/password/websocket.ts', webSocket, [
    [
      'a page of any origin opens sessions',
      'if (origin !== undefined && !config.corsOrigins.has(origin)) return',
      'if (false) return',
      'SEC-65 a page of another origin is refused, one of the list and a program are not',
    ],
    [
      'password mode that is off is on over WebSocket',
      "      if (!logins.on) throw new Failure('password_mode_off')\n",
      '',
      'without password mode everybody is told so',
    ],
    [
      'a session names any database',
      '      if (!config.databases.has(startup.database)) {',
      '      if (false) {',
      'an unknown database',
    ],
    [
      'a client that says nothing keeps its place',
      'const patience = setTimeout(() => webSocket.terminate(), parts.startupTimeoutMs ?? 10_000)',
      'const patience = setTimeout(() => {}, parts.startupTimeoutMs ?? 10_000)',
      'a client that does not say who it is is not waited for',
    ],
    [
      'sessions are opened without end',
      '    release()\n    const endedBy',
      '    const endedBy',
      'a session over the limit waits, is refused with 53300, and there is room again when one ends',
      sessions,
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/password/newcomers.ts', webSocket, [
    [
      'clients that nobody knows take any memory',
      '        if (bytes > maxBytes) endLargest()\n',
      '',
      'SEC-65 of clients that send too much before they are known, the one that sent most is cut off',
    ],
    [
      'whoever holds places keeps others out',
      'if (silent !== undefined) end(silent[0])\n      return silent !== undefined',
      'return false',
      'of more than 64 clients that are about to log in, the one that has been silent for longest gives way',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/password/relay.ts', sessions, [
    [
      'a client that does not read fills the gateway',
      'if (webSocket.bufferedAmount > maxWaitingBytes) stream.pause()',
      '',
      'a server that is faster than its client waits',
    ],
    [
      'a client that does not wait fills the gateway',
      '    if (stream.writableLength > maxWaitingBytes) webSocket.pause()\n',
      '',
      'a client that is faster than its server waits',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/password/places.ts', 'packages/rowpass/test/gateway/places.test.ts', [
    [
      'any number of sessions with a password is open',
      'return taken < size && (takenBy',
      'return (takenBy',
      'are as many as there are, and each is given back once',
    ],
    [
      'one address has every session',
      ' && (takenBy.get(owner) ?? 0) < maxPerOwner',
      '',
      'SEC-65 are never all of one owner, who waits for its own while others are served',
    ],
    [
      'any number of logins waits for a session',
      '    if (waitingInAll < maxWaiting) return true\n',
      '    if (waitingInAll >= 0) return true\n',
      'a full queue refuses who has the most in it, so that nobody keeps others out',
    ],
    [
      'who sends more logins is served more',
      '        waiting.delete(owner)\n        waiting.set(owner, line)\n',
      '',
      'are given to one owner after the other, whoever sent more',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/password/login.ts', guessing, [
    [
      'a user who is not on the list logs in',
      '      if (!allows(request.user)) {',
      '      if (false) {',
      'is on the list also where the server lets everybody in for any password',
    ],
    [
      'who is not on the list is told at once',
      'return allows(request.user) || listed === undefined ? request : { user: listed, password: nobodysPassword }',
      'return request',
      'asks the server for everybody, which takes its time, and tells it of nobody else',
    ],
    [
      'a wrong password is counted as none',
      "if (refusals.has(code) || (asked && code === poolerRefusal)) return 'refused'",
      '',
      'ends over HTTP after ten passwords, with how long to wait',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/password/attempts.ts', attempts, [
    [
      'failures are not counted',
      'tallies[limit].end(of, guessed, now())',
      'tallies[limit].end(of, false, now())',
      'a user from one address',
    ],
    [
      'each address of a /64 has its own guesses',
      'const network = toNetwork(address)',
      'const network = address',
      'count for the /64 of an IPv6 address, and for the name as PostgreSQL cuts it',
    ],
    [
      'a name has guesses by its spelling',
      "toString('latin1', 0, maxNameBytes)",
      "toString('latin1')",
      'count for the /64 of an IPv6 address, and for the name as PostgreSQL cuts it',
    ],
    [
      'a short password is let through again at any time',
      'password.length >= minUnguessableLength',
      'password.length >= 0',
      'is not let through with 31 characters',
    ],
    [
      'guesses that are sent together pass',
      'if (deciding.every(({ limit, of }) => tallies[limit].hasRoom(of, now()))) return',
      'return',
      'do not pass: those over the limit wait, and are refused when the others have failed',
    ],
    [
      'guesses from elsewhere lock a user out',
      "return first.limit === 'pair' && provenAt(place) !== undefined ? [first] : place.counts",
      'return place.counts',
      'failures of others at other addresses, and of other users at this one, do not hold them up',
    ],
    [
      'any number of logins waits',
      "    if (waiting.length >= maxWaiting) throw new Failure('overloaded', { detail: 'too many logins under way' })\n",
      '',
      'wait for one another up to a thousand',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/password/cancel.ts', sessions, [
    [
      'who knows the number of a process cancels what it runs',
      'session.processID !== processID || session.secretKey !== secretKey',
      'session.processID !== processID',
      'one that only knows the process is not',
    ],
    [
      'keys of sessions can be tried without end',
      '    misses.end(network, true, performance.now())\n',
      '',
      'SEC-41 keys cannot be tried without end from one address',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/preparation.ts', 'packages/rowpass/test/gateway/preparation.test.ts', [
    [
      'a clock that differs is taken for a seal key that is missing',
      'const exp = Math.floor(serverSeconds) + probeSeconds',
      'const exp = Math.floor(Date.now() / 1000) + probeSeconds',
      'is nothing where this machine is 20 minutes %s, and the seconds are told',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/preparation.ts', operation, [
    [
      'a gateway whose seal the database does not know says that it is ready',
      "else if (role !== undefined && !(await acceptsSeal(client, sealKey, role, serverSeconds))) missing.push('seal_key')",
      '',
      'makes it say so and not be ready',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/config.ts', 'packages/rowpass/test/gateway/config.test.ts', [
    [
      'a limit that is misspelt vanishes',
      'const problems = unknownNames(env)',
      'const problems: string[] = []',
      'every problem is reported at once',
    ],
    [
      'the printed configuration shows secrets',
      "text !== undefined && setting.secret ? '***'",
      "false ? '***'",
      'what is printed names every setting and no secret',
    ],
  ]),
]
