/** Mistakes in what a text may do: `statement`. */
import { type Mistake, mistakesIn } from './mistake.ts'

const refusals = 'packages/rowpass/test/statement/refusals.test.ts'
const spellings = 'packages/rowpass/test/statement/spellings.test.ts'
const everyFunction = 'packages/rowpass/test/statement/every-function.test.ts'
const lanes = 'packages/rowpass/test/statement/lanes.test.ts'
const ownerCode = 'packages/rowpass/test/statement/owner-code.test.ts'
const shapes = 'packages/rowpass/test/statement/shapes.test.ts'
const bombs = 'packages/rowpass/test/statement/bombs.test.ts'

export const sqlMistakes: readonly Mistake[] = [
  ...mistakesIn('packages/rowpass/src/statement/classify.ts', refusals, [
    [
      'a text has a second statement that nobody judged',
      '  if (others.length > 0) return severalStatements\n',
      '',
      'SEC-37 refuses several statements in one text, as PostgreSQL does:',
    ],
    [
      'what is behind a NUL is not judged, and an unpaired surrogate is',
      "if (!sql.includes('\\0') && !/\\p{Surrogate}/u.test(sql)) return undefined",
      "if (!sql.includes('\\0')) return undefined",
      'an unpaired surrogate',
    ],
    [
      'a backslash ends a string elsewhere than the parser believes',
      "!standardStrings && sql.includes('\\\\')",
      'false',
      'SEC-37 where strings do not conform to the standard',
      ownerCode,
    ],
    [
      'a text of any length is judged',
      'sql.length > maxLength ? tooLong',
      'false ? tooLong',
      'judges the last text within maxLength and refuses the first beyond',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/statement/text-cache.ts', lanes, [
    [
      'verdicts are kept whatever they weigh',
      '    maxSize: length,\n    maxEntrySize: Math.min(maxCachedLength, length),\n    sizeCalculation: (_, sql) => sql.length + 1,\n',
      '',
      'at most cacheSize verdicts and cacheLength of text are kept',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/statement/verdicts.ts', shapes, [
    [
      'EXPLAIN is judged by its shape, and the judge looks at its constants',
      "'DELETE', 'MERGE'])",
      "'DELETE', 'MERGE', 'EXPLAIN'])",
      'are not those of a refusal, of EXPLAIN and of SHOW',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/statement/shape.ts', shapes, [
    [
      'a comment hides what comes behind it',
      '  if (/--|\\/\\*/.test(sql.slice(start, at))) return undefined\n',
      '',
      'is not told of',
    ],
    [
      'a string with escapes ends elsewhere than it does',
      '      if (kindAt(sql, end) === quote) return undefined\n',
      '',
      'is not told of',
    ],
    ['the number of FLOAT(n) says nothing', "'float current_time", "'current_time", 'is not told of'],
    ['a large number is an integer', ' && Number(sql.slice(at, end)) <= maxInteger', '', 'the shape of a text'],
    [
      'the arguments of a function are a list',
      "kind === letter && before !== '.' &&",
      'kind === letter &&',
      'the shape of a text',
    ],
    ['a backslash in a string is one', '!/[\\0\\\\]/.test(sql)', '!/[\\0]/.test(sql)', 'is not told of'],
  ]),
  ...mistakesIn('packages/rowpass/src/statement/syntax.ts', refusals, [
    [
      'a sample is taken of hidden rows too',
      '  RangeSubselect: subquery alias:Alias\n',
      '  RangeSubselect: subquery alias:Alias\n  RangeTableSample: relation method args repeatable\n',
      'SEC-69 refuses %s',
    ],
    [
      'a node that nobody reviewed passes',
      '  if (fields === undefined) return type\n',
      '  if (fields === undefined) return undefined\n',
      'update notes set body = null where current of c',
    ],
    [
      'a field that nobody reviewed passes, SELECT INTO for one',
      '    if (!fields.has(field)) return `${type}.${field}`\n',
      '    if (!fields.has(field)) continue\n',
      'select 1 as a into temp x',
    ],
    [
      'what stands in a FILTER is not looked at',
      "if (typeof value !== 'object' || value === null) continue",
      "if (typeof value !== 'object' || value === null || field === 'agg_filter') continue",
      'SEC-40 a refused function is refused however it is written and wherever it stands',
      spellings,
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/statement/judge.ts', spellings, [
    [
      'the place of a row counts hidden ones',
      '  if (!systemColumns.has(name)) return\n',
      '  if (name !== "") return\n',
      'SEC-69 refuses %s',
      refusals,
    ],
    [
      'what an extension shows of pages and statistics is read',
      '  apply(findGrade(findings.facts.relations, schema, name), `Reading ${name}`, findings)\n',
      '',
      'SEC-69 refuses what an extension that looks at pages or statistics brings, in any schema: %s',
      refusals,
    ],
    [
      'a plan counts rows that the policies hide',
      "  if (command === 'EXPLAIN' && !allowExplain) return describeStatement(root)\n",
      '',
      'SEC-68 refuses %s',
      refusals,
    ],
    [
      'a condition behind ON CONFLICT reads the hidden row in the way',
      '  if (whereClause === undefined || findings.facts.policiesFirst) return\n',
      '  if (true) return\n',
      'SEC-69 refuses a condition behind ON CONFLICT where PostgreSQL asks it of a hidden row',
      refusals,
    ],
    [
      'functions that are refused by name pass where the catalog calls them stable',
      '  if (instead !== undefined) refuse(findings, `${name}()`, instead)\n',
      '',
      'SEC-40 a refused name is refused in a schema of the owner’s too',
      everyFunction,
    ],
    [
      'a refused function is called as an attribute of a row',
      '    apply(findings.facts.rowFunctions.get(name)?.strictest, `${name}()`, findings)\n',
      '',
      'SEC-40 none that is refused can be called as an attribute of a row and pass',
      everyFunction,
    ],
    [
      'an operator of the owner runs on a shared connection',
      '  apply(findGrade(findings.facts.operators, schema, name) ?? unknownName, `The operator ${name}`, findings)\n',
      '',
      'select a %%% b from t',
      lanes,
    ],
    [
      'a cast of the owner runs on a shared connection',
      '  apply(findGrade(findings.facts.types, schema, name), `A cast to ${name}`, findings)\n',
      '',
      'a cast to a domain',
      ownerCode,
    ],
    [
      'views of sessions and secrets are read',
      "  if (kind === 'closed') refuse(findings, `Reading ${name}`, insteadOfReading(name))\n",
      '',
      'SEC-41 a closed view is refused however it is written',
    ],
    [
      'a catalog is read beside another request',
      "  if (kind === 'readable') findings.reset = true\n",
      '',
      'select * from pg_type',
      lanes,
    ],
    [
      'pg_settings is written',
      "  if (relationKind(schema, name) !== 'user') refuse(findings, `Writing to ${name}`, 'System catalogs are read-only.')\n",
      '',
      "update pg_settings set setting = '0' where name = 'statement_timeout'",
      refusals,
    ],
    [
      'SHOW runs beside another request',
      'function judgeShow(_: TreeNode, findings: Findings): void {\n  findings.reset = true',
      'function judgeShow(_: TreeNode, _findings: Findings): void {',
      'show timezone',
      lanes,
    ],
    [
      'a function that did not exist when the catalogs were read runs on a shared connection',
      "const unknownName: Grade = { kind: 'reset', beyond: true }",
      "const unknownName: Grade = { kind: 'fast', beyond: true }",
      'a function that was created since the facts were read is run with a reset',
      ownerCode,
    ],
    [
      'letters that the server folds otherwise hide a name',
      "    refuse(findings, 'An identifier outside ASCII', 'The database is not in UTF-8. Use ASCII names.')\n",
      '',
      'SEC-40 where the database is not in UTF-8, identifiers outside ASCII are refused',
      ownerCode,
    ],
    [
      'a lock is taken for a reading, and sent again',
      'function judgeLock(_: TreeNode, findings: Findings): void {\n  findings.writes = true',
      'function judgeLock(_: TreeNode, _findings: Findings): void {',
      'select * from users for update skip locked',
      lanes,
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/statement/relations.ts', refusals, [
    [
      'pg_class tells how many rows a table has',
      "'pg_available_extensions pg_cast pg_collation ",
      "'pg_available_extensions pg_cast pg_class pg_collation ",
      'SEC-69 SEC-70 are not in the answer: %s refused in %s',
      'packages/rowpass/test/gateway/hidden-rows.test.ts',
    ],
    [
      'the statistics views of an extension are read',
      "  if (statistics.test(name)) return 'closed'\n",
      '',
      'SEC-69 refuses %s',
    ],
    [
      'a system view without its schema is a table of the application',
      "schema === undefined ? name.startsWith('pg_') : schema === 'pg_catalog'",
      "schema === 'pg_catalog'",
      'SEC-41 refuses %s',
    ],
    [
      'pg_toast and its like are read',
      "return schema?.startsWith('pg_') ? 'closed' : 'user'",
      "return 'user'",
      'select * from pg_toast.pg_toast_1255',
    ],
    [
      'the passwords of roles are read, as far as grants go',
      "'pg_aggregate pg_am ",
      "'pg_authid pg_aggregate pg_am ",
      'select * from pg_authid',
      'packages/rowpass/test/gateway/attacks.test.ts',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/statement/functions.ts', everyFunction, [
    [
      'PostGIS tells what the hidden rows of a table span',
      "'st_estimatedextent st_estimated_extent ",
      "'st_estimated_extent ",
      'SEC-69 refuses %s',
      refusals,
    ],
    [
      'activity of others is read',
      "'pg_stat_* pg_lock_status ",
      "'pg_lock_status ",
      'however it is spelled',
      'packages/rowpass/test/gateway/attacks.test.ts',
    ],
    [
      'settings are set',
      "'set_config setseed ",
      "'setseed ",
      'of settings and identity',
      refusals,
      'it is volatile, and no volatile function of PostgreSQL passes that was not reviewed',
    ],
    [
      'nextval is taken for a reading, and sent again',
      "return name === 'nextval'",
      'return false',
      "select nextval('s')",
      lanes,
    ],
    [
      'extensions that reach outside may be called',
      'return refusedExtensions.has(extension)',
      'return false',
      "select * from pgstattuple('app.people')",
      ownerCode,
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/statement/facts.ts', ownerCode, [
    [
      'functions of PostgreSQL that nobody reviewed may be called',
      'return isVolatile && !isHarmlessFunction(name)\n',
      'return isVolatile && name === null\n',
      'SEC-40 gets the verdict that the rule gives it, in every spelling',
      everyFunction,
    ],
    [
      'a volatile function of the owner runs on a shared connection',
      "return { kind: source === 'owner' && !isVolatile ? 'fast' : 'reset', beyond: true }",
      "return { kind: source === 'owner' ? 'fast' : 'reset', beyond: true }",
      'select app.volatile_sql()',
    ],
    [
      'a function in C or Python runs on a shared connection',
      "return { kind: source === 'owner' && !isVolatile ? 'fast' : 'reset', beyond: true }",
      "return { kind: isVolatile ? 'reset' : 'fast', beyond: true }",
      'select app.stable_setter()',
    ],
    [
      'of two functions of one name the milder one counts',
      'strictness[one.kind] >= strictness[other.kind] ? one : other',
      'strictness[one.kind] <= strictness[other.kind] ? one : other',
      'select app.mixed(1)',
    ],
    [
      'a body that sets a setting is not looked at',
      "...['set_config', 'setseed',",
      "...['setseed',",
      'select app.stable_setter()',
    ],
    [
      'a domain hides the cast of its type',
      'on y.typbasetype = c.target\n',
      'on y.typbasetype = c.target and false\n',
      'a cast to a domain',
    ],
  ]),
  ...mistakesIn('packages/rowpass/src/statement/parser.ts', bombs, [
    [
      'one text takes all of the memory',
      'if (!(memory instanceof WebAssembly.Memory)) continue',
      'if (memory !== undefined) continue',
      'a text that takes much memory is too complex',
      bombs,
      'the text is given up for its tree a moment later, and how much memory the process took meanwhile is no figure that a test can rely on',
    ],
    [
      'a tree of any size is read',
      "  if (treeBytes > Math.min(maxTreeBytes, anyTreeBytes + length * maxTreeBytesPerUnit)) return { kind: 'too_complex' }\n",
      '',
      'a short text with a large tree is too complex, and soon so',
    ],
    [
      'a parser that broke is used again',
      '    } catch {\n      replace()\n      return undefined',
      '    } catch {\n      return undefined',
      'a hundred in a row leave the parser as it was',
    ],
    [
      'a run of operators takes the parser for seconds',
      '      if (countOperatorRereads(sql) > maxOperatorRereads) return',
      '      if (false) return',
      'are judged or refused, and the next text is parsed as before',
    ],
  ]),
]
