/** Mistakes in what the database is made of: roles, migrations, hardening, policies. */
import { type Mistake, mistakesIn } from './mistake.ts'

const provision = 'packages/rowpass/test/database/provision.test.ts'
const harden = 'packages/rowpass/test/database/harden.test.ts'
const takesNothing = 'packages/rowpass/test/database/harden-takes-nothing.test.ts'
const status = 'packages/rowpass/test/cli/status.test.ts'
const undo = 'packages/rowpass/test/database/harden-undo.test.ts'
const policies = 'packages/rowpass/test/policies/policies.test.ts'
const agreement = 'demo/test/db/agreement.test.ts'

export const databaseMistakes: readonly Mistake[] = [
  ...mistakesIn('packages/rowpass/src/database/roles.ts', provision, [
    [
      'the login may become the owner',
      "         ('has the rights of the owner', rolname = current_user and not itself)\n",
      "         ('has the rights of the owner', false)\n",
      'SEC-38 refuses request roles that may become the owner',
      'packages/rowpass/test/database/provision.test.ts',
    ],
    ['the login may have BYPASSRLS', "('has BYPASSRLS', rolbypassrls), ", '', 'bypasses policies'],
    [
      'the login inherits the rights of its roles',
      "     select 'inherits rights' from pg_roles where oid = $1::text::regrole and rolinherit\n",
      "     select 'inherits rights' where false\n",
      'inherits',
    ],
    [
      'the login may own tables',
      "     select 'owns ' || pg_describe_object(d.classid, d.objid, d.objsubid) from pg_shdepend d\n      where ",
      "     select 'owns ' || pg_describe_object(d.classid, d.objid, d.objsubid) from pg_shdepend d\n      where false and ",
      'owns a table',
    ],
    [
      'the login may have grants of its own',
      '  refuseUnsafe(name, await findRights(client, name))\n',
      '',
      'has a right on a table',
    ],
    [
      'the login may be a member of other roles',
      '  refuseUnsafe(name, await findBonds(client, name, requestRoles))\n',
      '',
      'is a member of a harmless role',
    ],
    [
      'the login may have the rights of pg_read_all_data',
      "         ('has the rights of a predefined role', starts_with(rolname, 'pg_')),\n",
      '',
      'has a predefined role',
    ],
    [
      'the password of a login is replaced unasked',
      "  if (!login.replacePassword) throw new Failure('login_exists', { detail: `${name} on ${serverOf(login.url.href)}` })\n",
      '',
      'replaces the password of an existing login only when it is told to',
    ],
    [
      'a password goes to the server, and into its log',
      'return rows[0]?.plain === true ?',
      'return rows.length > 0 ?',
      'sets the password of the login, and never sends it to the server',
    ],
    [
      'the login of the gateway is that of the owner',
      '  await refuseOwner(client, name)\n',
      '',
      'refuses an owner as the gateway login',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/database/provision.ts', provision, [
    [
      'requests make temporary tables',
      'const open = await closeUnused({ client, login, connections: options.connections })',
      'const open: string[] = []',
      'create a temporary table',
    ],
    [
      'an earlier version takes the functions of a later one back',
      '  await refuseNewer(client, sqlRoot)\n',
      '',
      'leaves alone what a later version has prepared, where only a function is new too',
    ],
    [
      'an upgrade leaves the issuer behind that is installed',
      ' || (await hasIssuer(client))',
      '',
      'becomes one of today, as %s, and loses nothing',
      'packages/rowpass/test/database/upgrade.test.ts',
    ],
    ['two migrations run at once', '  await takeLock(client, onProgress)\n', '', 'can run several times at once'],
  ]),
  ...mistakesIn('packages/rowpass/src/database/platform.ts', provision, [
    [
      'a numbered file that was edited is taken for applied',
      "    if (file?.numbered === true && file.sha256 !== sha256) throw new Failure('migration_changed', { detail: name })\n",
      '',
      'refuses to go on when a numbered file that was applied was edited',
    ],
    [
      'a migration beside gateways ends their requests in deadlocks',
      '    if (due.length > 0) await lockTables(client)\n',
      '',
      'is upgraded beside a request that has one of its tables and asks for another, and ends neither',
      'packages/rowpass/test/database/upgrade.test.ts',
    ],
    [
      'a migration waits for locks as long as requests have them',
      '    await client.query(`savepoint locks; set local statement_timeout = ${lockMs}`)\n',
      '    await client.query(`savepoint locks`)\n',
      'is upgraded beside a request that has one of its tables and asks for another, and ends neither',
      'packages/rowpass/test/database/upgrade.test.ts',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/database/harden.ts', harden, [
    [
      'a dry run changes the database',
      "  if (dryRun) return { ...step, state: 'open' }\n",
      '',
      'a dry run tells everything that is open, with its risk and its SQL, and changes nothing',
    ],
    [
      'what is still open is said to be closed',
      '    if (left.changes.length > 0) {',
      '    if (false) {',
      'a right that another role has granted is reported, not passed over',
    ],
    [
      'hardening takes from other logins what nobody has asked for',
      'if (takes !== undefined && !take.some((each) => each === name)) return',
      'if (false) return',
      'SEC-72 lets every login use them, made %s',
      takesNothing,
    ],
    [
      'what was changed cannot be put back',
      '    await record(client, name, changes)\n',
      '',
      'SEC-72 puts back every right, default, setting and limit, exactly, and again changes nothing',
      undo,
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/database/harden-steps.ts', harden, [
    [
      'claims and seals are in the server’s log',
      "set(context, ['log_parameter_max_length', 'log_parameter_max_length_on_error'])",
      "set(context, ['log_parameter_max_length_on_error'])",
      'SEC-45 holds neither claims nor seal nor parameters, even where every statement is logged',
    ],
    [
      'the gateways take every connection of the server',
      'const after = Math.min(2 * needed, available - 1)',
      'const after = available',
      'SEC-73 is twice what the gateways need, by a migration of an owner that is no superuser',
      'packages/rowpass/test/database/connection-limit.test.ts',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/database/exposure.ts', harden, [
    [
      'nobody hears that the login has powers',
      "const flags = ['powers', ",
      'const flags = [',
      'SEC-48 says that its login has powers',
    ],
    [
      'nobody hears that the server lacks corrections',
      'sound === undefined || version >= sound',
      'sound === undefined || version > 0',
      'SEC-62 tells a server without the corrections of row-level security from one with them',
      'packages/rowpass/test/doctor/whole-database.test.ts',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/doctor/fixes/losses.ts', 'packages/rowpass/test/doctor/fixes.test.ts', [
    [
      'a fix takes from a login that serves no requests what it had, and is offered',
      'if (!before.worker.serves) return false',
      'if (!before.worker.serves) return true',
      'CREATE in a schema by which another login works',
    ],
    [
      'a function that fails after a fix counts as one that works',
      "if (command === 'call') return /^(42|3F)/.test(sqlstate) ? -1 : 0",
      "if (command === 'call') return 0",
      'a search_path without the schema of a cast, by calling it',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/doctor/fixes/try.ts', 'packages/rowpass/test/doctor/fixes.test.ts', [
    [
      'a fix after which the finding stays is offered',
      'if (after.some(({ key }) => key === finding.key))',
      "if (after.some(({ key }) => key === ''))",
      'a right that another role has granted is not said to be taken',
    ],
  ]),
  ...mistakesIn('packages/local/src/postgres/server.ts', 'packages/local/test/memory.test.ts', [
    [
      'one statement takes all the memory of the machine',
      `'ulimit -d "$0" 2>/dev/null; exec "$@"'`,
      `'exec "$@"'`,
      'is limited for each process, and the limit can be changed',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/database/private-files.ts', 'packages/rowpass/test/database/secrets.test.ts', [
    [
      'secrets are readable by everybody',
      '  chmodSync(draft, 0o600)\n',
      '  chmodSync(draft, 0o644)\n',
      'are readable by their owner alone, also under a permissive umask',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/database/scram.ts', 'packages/rowpass/test/database/scram.test.ts', [
    ['two logins of one password look alike', 'randomBytes(', 'Buffer.alloc(', 'is another one each time'],
  ]),
  ...mistakesIn('packages/rowpass/src/policies/force-and-grants.ts', policies, [
    [
      'policies do not hold for the owner',
      '`alter table ${table} force row level security;`',
      '`alter table ${table} enable row level security;`',
      'forces a table without policies and grants nothing on it',
    ],
    [
      'grants from before stay',
      "    `revoke all on ${table} from public, ${roles.map(quote).join(', ')};`,\n",
      '',
      'forces a table without policies and grants nothing on it',
    ],
    [
      'a grant of columns is one of the table',
      "const list = named === undefined ? ''",
      "const list = true ? ''",
      'grants columns by default so that no row can be moved',
    ],
    [
      'a restrictive policy gives something',
      "policies.filter((policy) => policy.as !== 'restrictive')",
      'policies',
      'grants once what several policies of a role need, and nothing for a restrictive one',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/policies/policies.ts', policies, [
    [
      'a row may be changed into one of another tenant',
      "...(command !== 'select' && command !== 'delete' && { withCheck: into.sql })",
      "...(command === 'insert' && { withCheck: into.sql })",
      'are one for each command, to a role, named for both, with one index that serves them',
    ],
    [
      'the columns that policies trust can be written',
      '!(primary || fixed.has(name))',
      '!primary',
      'grants columns by default so that no row can be moved',
    ],
    [
      'a change leaves open what a trusted column becomes',
      '  if (open !== undefined) throw new TypeError(`update \\`into\\` leaves open what ${nameOf(open)} may become`)\n',
      '',
      'let a row be moved',
    ],
    [
      'a name that PostgreSQL cuts off replaces another policy',
      'if (new TextEncoder().encode(name).length <= maxNameBytes) return name',
      'return name',
      'have a name that is cut off',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/policies/typed-claims.ts', policies, [
    [
      'a quote in a value ends it',
      'value.replaceAll("\'", "\'\'")',
      'value',
      'hold roles and names of claims in their text, whatever is in them',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/policies/rules.ts', policies, [
    [
      'an admin of one tenant is one of all',
      "return both(equals(column, 'tenant_id'), hasRole('admin'))",
      "return hasRole('admin')",
      'has the conditions of src/schema in its policies',
      'demo/test/db/agreement.test.ts',
    ],
  ]),
  ...mistakesIn('demo/drizzle/0002_typed_claims.sql', 'demo/test/db/matrix.test.ts', [
    [
      'a member sees colleagues',
      `ALTER POLICY "users_select" ON "users" TO authenticated USING (("users"."tenant_id" = (select auth.claim_uuid('tenant_id')) and (`,
      `ALTER POLICY "users_select" ON "users" TO authenticated USING (("users"."tenant_id" = (select auth.claim_uuid('tenant_id')) and (true or `,
      'SEC-59 a person who %s',
    ],
    [
      'a person sees other tenants',
      `ALTER POLICY "users_select" ON "users" TO authenticated USING (("users"."tenant_id" = (select auth.claim_uuid('tenant_id')) and `,
      `ALTER POLICY "users_select" ON "users" TO authenticated USING ((`,
      'SEC-59 a person who %s',
    ],
    [
      'an admin writes people into other tenants',
      `ALTER POLICY "users_insert" ON "users" TO authenticated WITH CHECK (("users"."tenant_id" = (select auth.claim_uuid('tenant_id')) and `,
      `ALTER POLICY "users_insert" ON "users" TO authenticated WITH CHECK ((`,
      'SEC-59 a person who %s',
    ],
  ]),
  ...mistakesIn('demo/drizzle/0005_force_and_grants.sql', agreement, [
    [
      'policies of a table do not hold for its owner',
      'alter table "public"."memberships" force row level security',
      'alter table "public"."memberships" no force row level security',
      'are what src/schema says, and are not written again',
      'demo/test/db/agreement.test.ts',
    ],
    [
      'people make themselves admins',
      'grant update ("name") on "public"."users" to "authenticated"',
      'grant update ("name", "role") on "public"."users" to "authenticated"',
      'SEC-51 grants exactly what is needed',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/cli/commands/env.ts', 'packages/rowpass/test/cli/database.test.ts', [
    [
      'secrets of a database that no migration has prepared are handed on',
      '  await requireLogin(database.gatewayUrl, database.says)\n',
      '',
      'prints the secrets of an API that seals by itself, into a file of its own',
    ],
  ]),
  ...mistakesIn(
    'packages/rowpass/src/doctor/rules/rls011-writes-unchecked.ts',
    'packages/rowpass/test/doctor/rules.test.ts',
    [
      [
        'a policy that narrows which rows are taken is believed to narrow what becomes of them',
        "taken && (each === 'delete' || narrowing.some((policy) => ties(writeExpression(policy))))",
        'taken',
        '%s.sql has exactly the findings it says',
      ],
    ],
  ),
  ...mistakesIn('packages/rowpass/src/cli/database-status.ts', status, [
    [
      'a database without the seal key has nothing to do',
      "  if (state === 'configured_only')\n",
      "  if (state === 'database_only')\n",
      'tells of %s',
    ],
    [
      'what a login may not see ends the command',
      "      if (sqlstateOf(error) !== '42501') throw error\n",
      '      if (error !== undefined) throw error\n',
      'says what a login may not see that owns nothing here',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/database/role-status.ts', status, [
    [
      'a login with powers has nothing to do',
      '  const powers = await findPowers(client, name)\n',
      '  const powers: string[] = []\n  void findPowers\n',
      'tells of %s',
    ],
  ]),
]
