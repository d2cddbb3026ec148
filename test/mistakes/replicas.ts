/** Mistakes in which reads go to which replica: `gateway/replicas`. */
import { type Mistake, mistakesIn } from './mistake.ts'

const replicas = 'packages/rowpass/test/gateway/replicas.test.ts'

export const replicaMistakes: readonly Mistake[] = [
  ...mistakesIn('packages/rowpass/src/postgres/envelope.ts', replicas, [
    [
      'a read is run by a standby that has not replayed what it has to see',
      'operator(pg_catalog.>=)',
      'operator(pg_catalog.<>)',
      'is told by the server that runs the request',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/replicas/replicas.ts', replicas, [
    [
      'what an owner has written is not seen by its next read',
      'if (work.readOnly !== true) this.#writes.mark(owner, performance.now())',
      '',
      'see at once what their owner has written, and others go on',
    ],
    [
      'the end of a session is late',
      ' && !namesSession(identity.session)',
      '',
      'stay at the primary by token, by transaction, by what they do and by how long they take',
    ],
    [
      'a replica of another history is read after a failover',
      "else if (position.history !== this.#history) this.#lose(replica, 'other_history')\n    ",
      '',
      'are served by no replica that has not followed its primary to the next',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/replicas/seen.ts', replicas, [
    [
      'a header that no gateway has written is believed',
      '  return undefined\n}\n\n/** Of its own',
      '  return 0n\n}\n\n/** Of its own',
      'of several gateways go there when they say what they have seen',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/replicas/writes.ts', replicas, [
    [
      'an owner that was forgotten counts as one that has written nothing',
      '      this.#floor = time\n',
      '',
      'are known by the latest of those that were forgotten when there are too many',
    ],
  ]),
]
