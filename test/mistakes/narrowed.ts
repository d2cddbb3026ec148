/** Mistakes in what holds narrowed tokens to their scopes. */
import { type Mistake, mistakesIn } from './mistake.ts'

const narrowed = 'packages/rowpass/test/gateway/narrowed.test.ts'
const exchanged = 'packages/rowpass/test/issuer/narrow.test.ts'
const audited = 'packages/rowpass/test/cli/audit.test.ts'

export const narrowedMistakes: readonly Mistake[] = [
  ...mistakesIn('packages/rowpass/src/gateway/narrowed.ts', narrowed, [
    [
      'a token that names an agent and no right may do everything',
      "    if (access === 'none') throw refused(narrowing, 'Nothing')\n",
      '',
      'SEC-82 with act and the scope %s nothing runs, not %j',
    ],
    [
      'a token that reads has what writes run',
      "    if (access === 'read' && !verdict.readOnly) throw refused(narrowing, whatWrites(verdict))\n",
      '',
      'SEC-82 a token that reads does not run %s',
    ],
    [
      'a token of one table calls functions that read others',
      '    if (verdict.beyond !== undefined) throw refused(narrowing, `${verdict.beyond} may read other tables, which`)\n',
      '',
      'SEC-82 a token of one table does not reach %s',
    ],
    [
      'a bare name is taken for the table of the scope, whatever it stands for',
      '      if (!scopes.some(({ schema }) => schema === use.schema)) names.set(nameOf(use), scopes.map(nameOf))\n',
      '',
      'SEC-82 a bare name is what PostgreSQL takes it for, under whichever search_path',
    ],
    [
      'a right to one command of a table is one to all',
      '      table.commands.includes(command) &&\n',
      '',
      'SEC-82 with notes:%s does not run %s',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/statement/tables.ts', narrowed, [
    [
      'a query of WITH hides the table of its name from itself',
      'names: recursive === true ? all : { own: new Set(before), outer }',
      'names: all',
      'SEC-82 a token of one table does not reach %s',
    ],
    [
      'the table that DELETE changes is no table that is used',
      "      return ['select', 'delete']\n",
      '      return []\n',
      'SEC-82 a token of one table does not reach %s',
    ],
    [
      'a name with its schema is taken for a query of WITH',
      "  if (typeof schemaname === 'string' || typeof relname !== 'string') return false\n",
      "  if (typeof relname !== 'string') return false\n",
      'SEC-82 a token of one table does not reach %s',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/statement/facts.ts', narrowed, [
    [
      'functions of the owner are taken to read no tables',
      "return { kind: source === 'owner' && !isVolatile ? 'fast' : 'reset', beyond: true }",
      "return { kind: source === 'owner' && !isVolatile ? 'fast' : 'reset', beyond: false }",
      'SEC-82 a token of one table does not reach %s',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/postgres/outgoing.ts', narrowed, [
    [
      'PostgreSQL lets a token write that reads',
      "set_config('transaction_read_only', 'on', true)",
      "set_config('transaction_read_only', 'off', true)",
      'SEC-82 PostgreSQL itself refuses what a token that reads would write',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/work.ts', narrowed, [
    [
      'a change of more rows than a token allows is committed',
      'const counted = !readOnly && limits?.maxRows !== undefined',
      'const counted = false',
      'SEC-82 a result has no more rows than the token allows, and a change changes no more',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/token/narrowing.ts', narrowed, [
    [
      'a scope that is misspelt limits nothing',
      'return /^(?:sql|table|rows):/.test(word)',
      'return /^(?:sql:(?:read|write)$|table:|rows:)/.test(word)',
      'SEC-82 with the scope %s, which is none of ours, the whole token is refused',
    ],
    [
      'an agent without a name is nobody’s agent',
      '  throw new TokenRefusal(\'scope\', `"act" has no "sub" that is a text of 1 to ${maxActorLength} characters`)\n',
      "  return 'nobody'\n",
      'SEC-82 with act %j the whole token is refused',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/issuer/narrow.ts', exchanged, [
    [
      'an agent gets a limit lifted by leaving it out',
      'const limits = [own, ownHad].filter',
      'const limits = [own.length > 0 ? own : ownHad].filter',
      'SEC-82 never allows more than the token that is handed in: of one who asks for %s',
    ],
    [
      'the agents before the last one are forgotten',
      '...(subject.act === undefined ? {} : { act: subject.act })',
      '',
      'SEC-82 of a token that is narrowed names each agent, the last one outside, and ends with it',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/issuer/grant-types.ts', exchanged, [
    [
      'an agent outlives the token that it was given',
      'Math.min(token.expiresAt, Math.floor(context.now() / 1000) + narrowedSeconds)',
      'Math.floor(context.now() / 1000) + narrowedSeconds',
      'SEC-82 of a token that is narrowed names each agent, the last one outside, and ends with it',
    ],
    [
      'the token of a session that has ended is exchanged',
      '  if ((await context.store.findSession(token.sid)) === undefined) throw wrongSubjectToken()\n',
      '',
      'SEC-82 is refused for a token that is over, of others, or of a session that has ended',
    ],
    [
      'whoever says that it is a client exchanges the tokens of others',
      'return client.secretHash !== undefined || token.clientId === client.clientId',
      'return token.clientId !== client.secretHash',
      'SEC-82 is refused for a token that is over, of others, or of a session that has ended',
    ],
    [
      'a client is not held to the scopes that it is registered with',
      'const scope = narrowScope(asked.scope, withOwnOf(client, asked.scope))',
      'const { scope } = asked',
      'SEC-82 the scopes of ours that a client is registered with limit it too',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/issuer/issuer.ts', exchanged, [
    [
      'an agent changes the account of its person',
      'read === undefined || read.narrowing !== undefined',
      'read === undefined',
      'SEC-82 at the issuer itself a narrowed token is nobody: it signs nobody out, and changes no account',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/issuer/token-status.ts', exchanged, [
    [
      'an agent signs its person out',
      "  if ('narrowing' in session && session.narrowing !== undefined) {",
      '  if (false) {',
      'SEC-82 at the issuer itself a narrowed token is nobody: it signs nobody out, and changes no account',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/seal/sql/agents.sql', narrowed, [
    [
      'a part of a scope is one',
      "has_scope.scope = any (string_to_array(auth.session() ->> 'scope', ' '))",
      "strpos(auth.session() ->> 'scope', has_scope.scope) > 0",
      'SEC-82 policies read who acts and what for, by the whole seal and by its ticket',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/gateway/audit-chain.ts', audited, [
    [
      'a line of the log that was edited is not noticed',
      '    } else if (prev !== before.head) {',
      '    } else if (false) {',
      'SEC-67 finds %s, and says which',
    ],
    [
      'a line of the log that is missing is not noticed',
      '    } else if (seq > before.seq + 1) {',
      '    } else if (false) {',
      'SEC-67 finds %s, and says which',
    ],
    [
      'a line that was put into the log is not noticed',
      "      if (message === 'sql_answered') report(",
      '      if (message === undefined) report(',
      'SEC-67 finds %s, and says which',
    ],
  ]),
]
