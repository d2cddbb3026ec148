/** Mistakes in how requests share connections: `postgres`. */
import { type Mistake, mistakesIn } from './mistake.ts'

const pool = 'packages/rowpass/test/postgres/pool.test.ts'
const cancel = 'packages/rowpass/test/gateway/cancel.test.ts'
const isolation = 'packages/rowpass/test/gateway/isolation.test.ts'
const hygiene = 'packages/rowpass/test/postgres/hygiene.test.ts'
const groups = 'packages/rowpass/test/postgres/groups.test.ts'
const lost = 'packages/rowpass/test/postgres/lost.test.ts'
const fairness = 'packages/rowpass/test/postgres/fairness.test.ts'

export const poolMistakes: readonly Mistake[] = [
  ...mistakesIn('packages/rowpass/src/postgres/connection.ts', isolation, [
    [
      'what a request left in the session is there for the next',
      '(flight.work.reset && !pooled)',
      'false',
      'the next borrower of the connection finds nothing after',
    ],
    [
      'a transaction that was left open goes on under the next request',
      'if (!outsideTransaction || (flight.work.reset && !pooled))',
      'if (flight.work.reset && !pooled)',
      'is in no transaction that somebody left open',
      'packages/rowpass/test/postgres/hygiene.test.ts',
    ],
    [
      'a cancel request strikes whoever comes next',
      "      destroy(new Error('a cancel request was sent'))\n",
      '      cancelSent = false\n',
      'SEC-42 is not used for another request while a cancel request that struck nothing may still come',
      'packages/rowpass/test/postgres/hygiene.test.ts',
    ],
    [
      'a connection is used while a cancel request is on its way',
      ' && !cancelSent && cancelsOpen === 0',
      '',
      'SEC-42 is not used for another request before every cancel request has arrived',
      'packages/rowpass/test/postgres/hygiene.test.ts',
    ],

    [
      'after an error in a group nothing is rolled back',
      'if (!outsideTransaction && flight.group !== undefined) rollback()\n    else if',
      'if (!outsideTransaction && flight.group !== undefined) void 0\n    else if',
      'a ROLLBACK comes before what waits',
      groups,
    ],
    [
      'what an error kept from being run counts as run',
      '      each.passedOver = true\n',
      '',
      'whatever fails, is cancelled or breaks among them, every answer is that of its own request',
      groups,
    ],
    [
      'a session is not cleaned when its cleaning fails',
      "if (error !== undefined) destroy(new Error('housekeeping failed', { cause: error }))",
      '',
      'the next borrower of the connection finds nothing after',
      isolation,
      'no statement makes DISCARD ALL fail, so that no test brings it about',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/postgres/envelope.ts', 'packages/rowpass/test/postgres/hygiene.test.ts', [
    [
      'the same behind a pooler',
      'pooledSql: pooledSql + check',
      'pooledSql',
      'SEC-79 gets no answer behind a pooler, where no statement is prepared',
      'packages/rowpass/test/gateway/revocation.test.ts',
    ],
    [
      'the role of a request by ticket stays in the session',
      "select set_config('role', $1, true)",
      "select set_config('role', $1, false)",
      'SEC-42 has nothing of the ticket of an identity in its session',
    ],
    [
      'the ticket of one request stays in the session',
      "or set_config('rowpass.seal', $2, true)",
      "or set_config('rowpass.seal', $2, false)",
      'SEC-42 has nothing of the ticket of an identity in its session',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/postgres/resend.ts', 'packages/rowpass/test/gateway/admission.test.ts', [
    [
      'an identity that the database has forgotten is an error',
      '  if (isForgotten(flight)) return work\n',
      '',
      'is answered whole again, and once, where the database has forgotten it, as after a crash',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/postgres/outgoing.ts', isolation, [
    [
      'what others got from sequences can be asked for',
      "    if (work.reset) writeControl('DISCARD SEQUENCES')\n",
      "    if (work.reset) writeControl('SELECT 1')\n",
      'what a sequence gave to one is not what another got last',
    ],
    [
      'behind a pooler a session is given away before it is cleaned',
      'const chain = pooled && reset',
      'const chain = false',
      'the next borrower of the connection finds nothing after',
    ],
    [
      'a trace context stays in the session',
      "select set_config('rowpass.traceparent', $1, true)",
      "select set_config('rowpass.traceparent', $1, false)",
      'SEC-42 has nothing of the identity in its session',
      'packages/rowpass/test/postgres/hygiene.test.ts',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/postgres/group.ts', groups, [
    [
      'requests share a Sync behind a pooler',
      'grouping && usualMs !== undefined',
      'usualMs !== undefined',
      'behind a pooler nothing shares a Sync',
    ],
    [
      'a request of a group is taken for as quick as it came back',
      'if (next?.beganAt !== undefined) return',
      'if (next?.beganAt === -1) return',
      'each is told how long it took by itself, wherever in the group it was',
    ],
    [
      'a change shares a Sync',
      'readOnly === true && identity !== undefined',
      'readOnly !== undefined && identity !== undefined',
      'a change shares a Sync with nobody, however quick it is',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/postgres/incoming.ts', 'packages/rowpass/test/gateway/wire.test.ts', [
    [
      'an answer of any size is collected',
      '    if (size > maxResponseBytes) onOversized()\n',
      '',
      'SEC-65 a result of %s over the limit is refused with 507',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/postgres/pool.ts', pool, [
    [
      'any number of requests waits',
      '    if (this.#dispatcher.queued < this.#options.maxQueued) return true\n',
      '    if (this.#options.maxQueued > 0) return true\n',
      'a full queue refuses at once, and the longest line makes room for a shorter one',
    ],
    [
      'a request waits for ever',
      'this.#dispatcher.olderThan(now - this.#options.queueTimeoutMs)',
      'this.#dispatcher.olderThan(now - Number.MAX_SAFE_INTEGER)',
      'a request that waits too long for a connection is refused',
    ],
    [
      'a request whose client has gone runs all the same',
      "if (this.#dispatcher.remove(request)) this.#fail(request, 'timeout', clientGone)\n    else if",
      'if',
      'a request that still waits for a connection leaves the queue and never runs',
      cancel,
    ],
    [
      'whose statement cannot be ended begins another',
      "    else if (this.#owners.isStuck(owner)) this.#fail(request, 'overloaded', stuckDetail)\n",
      '',
      'SEC-73 they cost a bounded number of backends, their owners wait, and quick requests are served',
      fairness,
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/postgres/pool.ts', groups, [
    [
      'a request that was moved is answered by a sending that was passed over',
      'if (flight.error === undefined && !flight.passedOver)',
      'if (flight.error === undefined)',
      'a slow one does not keep the others of its group waiting, and only its owner loses trust',
    ],
    [
      'who holds up a group is trusted as before',
      'flight.heldUp || (crowded && tookMs > crowdedMs)',
      'flight.heldUp',
      'a slow one does not keep the others of its group waiting, and only its owner loses trust',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/postgres/resend.ts', hygiene, [
    [
      'a statement that ran out of time runs again',
      'return !flight.cancelled && flight.cancelStruck ?',
      'return !flight.cancelled ?',
      'does not run a statement again that ran out of time',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/postgres/watch.ts', cancel, [
    [
      'a request takes as long as it likes',
      'else if (age > this.#parts.requestTimeoutMs) {',
      'else if (age < 0) {',
      'a request over the time limit is cancelled, and its neighbours are answered',
      pool,
    ],
    [
      'a statement that does not end on a cancel request keeps its connection',
      'if (waitedMs > cancelGraceMs) this.#giveUp(connection, head)\n    else if',
      'if',
      'SEC-44 a statement that ignores the cancel request loses its connection',
    ],
    [
      'the first of a group is blamed for the one that cannot be cancelled',
      'const isOfCaller = running.has(head) && head.behind === 0',
      'const isOfCaller = running.has(head)',
      'one that cannot be cancelled is told from the others of its group, none of whom is refused',
      groups,
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/postgres/roster.ts', fairness, [
    [
      'statements that cannot be ended cost any number of backends',
      'Math.min(size - here, size + spareBackends - here - this.#lingering.size)',
      'size - here',
      'SEC-73 they cost a bounded number of backends, their owners wait, and quick requests are served',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/postgres/occupancy.ts', fairness, [
    [
      'any number of slow requests runs at once',
      'slow + Math.max(0, stuck - spareBackends) >= this.#slowLimit || slowOfOwner >= ofOwner',
      'slowOfOwner < 0',
      'SEC-74 what one owner makes slow stays quick for another',
    ],
  ]),
  ...mistakesIn(
    'packages/rowpass/src/postgres/schema-version.ts',
    'packages/rowpass/test/gateway/schema-changes.test.ts',
    [
      [
        'a parameter is bound by a type from before a migration',
        'case when ${isCurrent} then 1 else 0 end`',
        'case when ${isCurrent} then 1 else 1 end`',
        'SEC-71 a request that waits for the lock of a migration has the types that it brings',
      ],
    ],
  ),
  ...mistakesIn('packages/rowpass/src/postgres/reader.ts', 'packages/rowpass/test/postgres/wire.test.ts', [
    [
      'a message of any size is kept',
      'if (length > maxMessageBytes) {',
      'if (false) {',
      'passes over a message that is too large and reads on',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/postgres/prepared-statements.ts', pool, [
    [
      'the server keeps statements without end',
      '      if (statements.size <= maxStatements && length <= maxLength) return\n',
      '      return\n',
      'the least recently used statement is closed, and a text can come back',
    ],
    [
      'the server keeps any amount of text',
      'statements.size <= maxStatements && length <= maxLength',
      'statements.size <= maxStatements',
      'SEC-65 what the server keeps of statements is bounded, by number and by length',
      'packages/rowpass/test/gateway/limits.test.ts',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/postgres/servers.ts', 'packages/rowpass/test/postgres/servers.test.ts', [
    [
      'what is to write is led to a standby',
      'if (isLike[wanted]) return',
      'return',
      'target_session_attrs=%s leads to the %s, in either order',
    ],
    [
      'a password that a server has refused is shown to the next',
      'if (isRefused(error) || ',
      'if (',
      'a login that is refused is not tried elsewhere',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/postgres/connection.ts', 'packages/rowpass/test/gateway/failover.test.ts', [
    [
      'whoever writes in a read-only transaction ends all connections',
      'if (saysReadOnly(flight)) ',
      '',
      'a transaction that is read-only by its own will ends no connection',
    ],
    [
      'a commit that no standby has is told as done, or as undone',
      'if (outsideTransaction) doubtCommit(flight)\n',
      '\n',
      'a commit that waits for a standby in vain is not told as done, nor as undone',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/postgres/messages.ts', lost, [
    [
      'what a pooler says of a broken connection is an error of the statement',
      ' || (bytes[at] === 0x53 && severity === 0)',
      '',
      'a change may have been made, as far as it can tell, and is not made twice',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/postgres/incoming.ts', lost, [
    [
      'a pooler knows what the server had done',
      ', routine !== undefined)',
      ', true)',
      'a change may have been made, as far as it can tell, and is not made twice',
    ],
  ]),
]
