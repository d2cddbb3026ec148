/** Mistakes in the door for assistants: `gateway/mcp`. */
import { type Mistake, mistakesIn } from './mistake.ts'

const door = 'packages/rowpass/test/gateway/mcp.test.ts'

export const agentMistakes: readonly Mistake[] = [
  ...mistakesIn('packages/rowpass/src/gateway/mcp/resource.ts', door, [
    [
      'a page of any origin uses the token of whoever looks at it',
      "      if (origin !== undefined && !corsOrigins.has(origin)) throw new Failure('origin_refused')\n",
      '',
      'answers no page, and no other host, that is not named',
    ],
    [
      'a page whose name was made to point here is answered',
      'if (given.length === 0 || !given.every((host) => isHost(host, names)))',
      'if (given.length === 0)',
      'answers no page, and no other host, that is not named',
    ],
    [
      'a token for another service opens the door',
      "if (given.some((audience) => typeof audience === 'string' && wanted.includes(audience))) return",
      'if (given.length > 0) return',
      'refuses a token that was made for something else',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/mcp/query.ts', door, [
    [
      'query runs where rows can be written',
      'readOnly: true, bounds',
      'readOnly: false, bounds',
      'refuses what is no reading, and says what to do instead',
    ],
    [
      'query returns as many rows as there are',
      'rows: mcpMaxRows, bytes',
      'rows: 1_000_000, bytes',
      'returns no more rows than it may, nor bytes, and says so',
    ],
    [
      'query returns as many bytes as there are',
      'bytes: mcpMaxBytes, stops',
      'bytes: 1e9, stops',
      'returns no more rows than it may, nor bytes, and says so',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/mcp/describe.ts', door, [
    [
      'a narrowed token is told of every table of the person',
      'toScopes(guest.turn.caller.narrowing)',
      'toScopes(undefined)',
      'SEC-82 shows and does what its scopes allow, and names no other table',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/mcp/change.ts', door, [
    [
      'a confirmation of a narrowed token is good for a wider one',
      'tenant ?? null, turn.caller.narrowing ?? null]',
      'tenant ?? null]',
      'SEC-82 changes within its scopes, and no confirmation is good for a wider token',
    ],
    [
      'a dry run is kept',
      "ending: 'rollback' }",
      'ending: undefined }',
      'says what would change, changes nothing, and keeps it when that is confirmed, once',
    ],
    [
      'a change of any size is confirmed',
      'if (changed.changed > mcpMaxChanges)',
      'if (changed.changed < 0)',
      'changes no more rows than it may',
    ],
    [
      'rows that a WITH query changes are in no count',
      '  if (changes === 1) return undefined\n',
      '  if (changes > 0) return undefined\n',
      'changes no more rows than it may',
    ],
    [
      'other rows than those that were confirmed are changed',
      ', ending: { rows } }',
      ' }',
      'keeps nothing when other rows would be changed than were confirmed',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/mcp/confirmation.ts', door, [
    [
      'a confirmation is good for whatever is sent with it',
      'JSON.stringify([head, identity, sql, params])',
      'JSON.stringify([head])',
      'takes a confirmation for that statement, those values and that person only',
    ],
    [
      'a confirmation is good again and again',
      ' || used.has(head)',
      '',
      'says what would change, changes nothing, and keeps it when that is confirmed, once',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/mcp/door.ts', door, [
    [
      'an assistant counts for nobody',
      'const turn = tokenPath.enter(caller, sql)',
      'const turn = { request: sql, caller, hold: () => true }',
      'counts for whom it is from, with what they send elsewhere',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/mcp/serve.ts', door, [
    [
      'a proxy that lets some tools through by their header lets all of them through',
      ' && name === call.params?.name',
      '',
      '%s is refused, and nothing runs',
    ],
    ['a call in a revision that was never agreed on is served', ' || !known', '', '%s is refused, and nothing runs'],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/server.ts', door, [
    [
      'requests through fetch are under way for ever',
      '      received?.close()\n',
      '',
      'is open again when its answer is there, through fetch as well',
    ],
  ]),
]
