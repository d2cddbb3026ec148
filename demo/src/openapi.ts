/**
 * The API as an OpenAPI 3.1 document, made from the schemas that parse its requests. A route of your own is described here, in
 * {@link operations}; a test of the repository compares them with the routes of the app and every answer with the document.
 */
import { type FailureCode, failures } from 'rowpass'
import * as z from 'zod'
import { id, page } from './input.ts'
import { accept, change, invite, reset, signOut, signUp } from './routes/accounts.ts'
import { signingIn } from './routes/demo.ts'
import { questions, statement } from './routes/showcase.ts'
import { newTenant, tenantChanges } from './routes/tenants.ts'
import { newUser, userChanges } from './routes/users.ts'

/** What a path answers where nothing is wrong. */
interface Answer {
  readonly says: string
  /** Of its body; default none. */
  readonly schema?: z.ZodType
  /** Default `application/json`. */
  readonly contentType?: string
}

/** One method of one path. */
export interface Operation {
  readonly id: string
  readonly tag: string
  readonly summary: string
  /** Who may call it: anybody, the bearer of a token, or a client of OAuth. Default anybody. */
  readonly by?: 'bearer' | 'client'
  readonly query?: z.ZodObject
  readonly body?: { readonly schema: z.ZodType; readonly contentType?: string }
  /** By status. */
  readonly answers: Readonly<Record<number, Answer>>
  /** What it may be refused with, besides what any path may. */
  readonly fails?: readonly FailureCode[]
}

const moment = z.iso.datetime()
const user = z.object({
  id: z.guid(),
  tenantId: z.guid(),
  email: z.string(),
  name: z.string(),
  role: z.enum(['member', 'admin']),
  createdAt: moment,
})
const tenant = z.object({ id: z.guid(), name: z.string(), createdAt: moment })
const next = z.guid().optional()
const persona = z.object({
  id: z.guid(),
  email: z.string(),
  name: z.string(),
  tenantId: z.guid(),
  tenant: z.string(),
  role: z.enum(['member', 'admin']),
})
const tokens = z.object({
  access_token: z.string(),
  token_type: z.literal('Bearer'),
  expires_in: z.int(),
  scope: z.string().optional(),
  refresh_token: z.string().optional(),
  issued_token_type: z.string().optional(),
})
/** What the gateway answers to SQL, and to SQL that is refused. */
const sqlResult = z.looseObject({
  fields: z.array(z.looseObject({ name: z.string() })),
  rows: z.array(z.array(z.unknown())),
})
const sqlError = z.looseObject({ message: z.string(), code: z.string().optional() })
/** RFC 6749 §5.2; what fails inside has the members of a problem too. */
const oauthError = z.looseObject({ error: z.string(), error_description: z.string().optional() })
const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  detail: z.string().optional(),
  hint: z.string().optional(),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
  request_id: z.string(),
})
const metadata = z.record(z.string(), z.union([z.string(), z.array(z.string())]))
const jwks = z.object({ keys: z.array(z.looseObject({ kty: z.string(), kid: z.string(), alg: z.string() })) })
const tokenForm = z.looseObject({
  grant_type: z.enum([
    'password',
    'refresh_token',
    'client_credentials',
    'urn:ietf:params:oauth:grant-type:token-exchange',
  ]),
  client_id: z.string().optional(),
  client_secret: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  refresh_token: z.string().optional(),
})
const oneToken = z.looseObject({
  token: z.string(),
  client_id: z.string().optional(),
  client_secret: z.string().optional(),
})

/** Schemas that have a name in the document. */
const named = { User: user, Tenant: tenant, Persona: persona, Tokens: tokens, OAuthError: oauthError, Problem: problem }

const ofBodies = ['content_type_unknown', 'request_invalid', 'request_too_large', 'input_invalid'] as const
const ofCallers = [
  ...['token_missing', 'token_invalid', 'token_expired', 'session_revoked', 'request_invalid'],
  ...[
    'grant_missing',
    'role_refused',
    'scope_refused',
    'timeout',
    'overloaded',
    'database_unavailable',
    'gateway_unreachable',
  ],
  ...[
    'keys_unavailable',
    'headers_too_large',
    'response_too_large',
    'catalog_unread',
    'outcome_unknown',
    'answer_dropped',
  ],
] as readonly FailureCode[]
const ofWrites = [...ofCallers, ...ofBodies, 'policy_refused', 'conflict'] as const
const ofIssuer = [
  ...['timeout', 'overloaded', 'database_unavailable', 'gateway_unreachable', 'keys_unavailable', 'path_unknown'],
  ...['attempts_exceeded', 'password_queue_full', 'claims_invalid', 'lifetime_refused', 'key_missing', 'key_locked'],
  ...[
    'catalog_unread',
    'outcome_unknown',
    'answer_dropped',
    'response_too_large',
    'conflict',
    'grant_missing',
    'mail_failed',
  ],
] as readonly FailureCode[]
const ofPeople = [...ofIssuer, ...ofBodies, 'token_missing', 'token_invalid', 'policy_refused', 'not_found'] as const
const ofAnyPath = ['internal', 'host_unknown', 'request_too_large'] as const
const done = { 204: { says: 'Done' } }
const willBeSent = { 202: { says: 'Accepted; whether a message is sent, it does not say' } }
const form = 'application/x-www-form-urlencoded'
const oauthAnswers = {
  400: { says: 'Refused, in the words of RFC 6749', schema: oauthError },
  401: { says: 'The client is refused', schema: oauthError },
  413: { says: 'Too large', schema: oauthError },
  415: { says: 'Neither a form nor JSON', schema: oauthError },
  429: { says: 'Too many attempts', schema: oauthError },
  500: { says: 'It fails inside', schema: oauthError },
  502: { says: 'Its database cannot be reached', schema: oauthError },
  503: { says: 'Not now', schema: oauthError },
}

/** Reading, writing and deleting rows of a table, under the policies of the caller. */
function tableOperations(
  path: string,
  tag: string,
  row: { readonly one: string; readonly many: string; readonly schema: z.ZodType },
  bodies: { readonly created: z.ZodType; readonly changed: z.ZodType },
): Record<string, Operation> {
  const { one, many, schema } = row
  const name = one[0]?.toUpperCase() + one.slice(1)
  const bearer = { tag, by: 'bearer' } as const
  const found = { 200: { says: `The ${one}`, schema } }
  return {
    [`GET ${path}`]: {
      ...bearer,
      id: `list${name}s`,
      summary: `The ${many} whom the caller may see`,
      query: page,
      answers: {
        200: { says: 'A page of them, in the order of id', schema: z.object({ [many]: z.array(schema), next }) },
      },
      fails: [...ofCallers, 'input_invalid'],
    },
    [`POST ${path}`]: {
      ...bearer,
      id: `create${name}`,
      summary: `Creates a ${one}`,
      body: { schema: bodies.created },
      answers: { 201: { says: 'Created', schema } },
      fails: ofWrites,
    },
    [`GET ${path}/{id}`]: {
      ...bearer,
      id: `get${name}`,
      summary: `One ${one}`,
      answers: found,
      fails: [...ofCallers, 'not_found'],
    },
    [`PATCH ${path}/{id}`]: {
      ...bearer,
      id: `update${name}`,
      summary: `Changes a ${one}`,
      body: { schema: bodies.changed },
      answers: found,
      fails: [...ofWrites, 'not_found'],
    },
    [`DELETE ${path}/{id}`]: {
      ...bearer,
      id: `delete${name}`,
      summary: `Deletes a ${one}`,
      answers: done,
      fails: [...ofWrites, 'not_found'],
    },
  }
}

/** What stands in braces in a path. */
const ofPath: Readonly<Record<string, z.ZodType>> = { id, about: z.enum(questions) }

/** Every operation, by `METHOD /path`. Those with the tag `demo` are there only where DEMO is on. */
export const operations: Readonly<Record<string, Operation>> = {
  ...tableOperations(
    '/api/users',
    'users',
    { one: 'user', many: 'users', schema: user },
    { created: newUser, changed: userChanges },
  ),
  ...tableOperations(
    '/api/tenants',
    'tenants',
    { one: 'tenant', many: 'tenants', schema: tenant },
    { created: newTenant, changed: tenantChanges },
  ),
  'POST /api/token': {
    id: 'token',
    tag: 'issuer',
    summary: 'A token for a password, a refresh token, a client, or another tenant (RFC 6749, RFC 8693)',
    by: 'client',
    body: { schema: tokenForm, contentType: form },
    answers: { 200: { says: 'The tokens', schema: tokens }, ...oauthAnswers },
    fails: ofIssuer,
  },
  'POST /api/revoke': {
    id: 'revoke',
    tag: 'issuer',
    summary: 'Ends the session of a token (RFC 7009)',
    by: 'client',
    body: { schema: oneToken, contentType: form },
    answers: { 200: { says: 'Ended, or it was no token' }, ...oauthAnswers },
    fails: ofIssuer,
  },
  'POST /api/introspect': {
    id: 'introspect',
    tag: 'issuer',
    summary: 'What a token says, and whether it is good (RFC 7662)',
    by: 'client',
    body: { schema: oneToken, contentType: form },
    answers: { 200: { says: 'The claims', schema: z.looseObject({ active: z.boolean() }) }, ...oauthAnswers },
    fails: ofIssuer,
  },
  'POST /api/sign-up': {
    id: 'signUp',
    tag: 'accounts',
    summary: 'An account, and a tenant of its own',
    body: { schema: signUp },
    answers: willBeSent,
    fails: [...ofIssuer, ...ofBodies],
  },
  'POST /api/password/reset': {
    id: 'resetPassword',
    tag: 'accounts',
    summary: 'Asks for a message with which the password can be set',
    body: { schema: reset },
    answers: willBeSent,
    fails: [...ofIssuer, ...ofBodies],
  },
  'POST /api/password': {
    id: 'acceptInvite',
    tag: 'accounts',
    summary: 'Sets the password by an invite',
    body: { schema: accept },
    answers: done,
    fails: [...ofIssuer, ...ofBodies, 'invite_invalid'],
  },
  'PUT /api/password': {
    id: 'changePassword',
    tag: 'accounts',
    summary: 'Changes the own password',
    by: 'bearer',
    body: { schema: change },
    answers: done,
    fails: [...ofPeople, 'password_wrong'],
  },
  'POST /api/invites': {
    id: 'invite',
    tag: 'accounts',
    summary: 'Invites a person of the tenant to set a password',
    by: 'bearer',
    body: { schema: invite },
    answers: { 202: { says: 'The message is on its way' } },
    fails: ofPeople,
  },
  'POST /api/sign-out': {
    id: 'signOut',
    tag: 'accounts',
    summary: 'Ends the own session, all of them, or those of a person of the tenant',
    by: 'bearer',
    body: { schema: signOut },
    answers: done,
    fails: ofPeople,
  },
  'GET /api/token': {
    id: 'demoToken',
    tag: 'demo',
    summary: 'Signs in a seeded person, without a password',
    query: z.object({
      as: z.string().optional().meta({ description: 'id or e-mail address; default David' }),
      ...signingIn.shape,
    }),
    answers: { 200: { says: 'The token', schema: tokens }, 400: { says: 'Nobody has it', schema: oauthError } },
    fails: [...ofIssuer, 'input_invalid'],
  },
  'GET /api/personas': {
    id: 'personas',
    tag: 'demo',
    summary: 'The seeded people',
    answers: { 200: { says: 'All of them', schema: z.object({ personas: z.array(persona) }) } },
    fails: ['path_unknown'],
  },
  'POST /demo/sql': {
    id: 'demoSql',
    tag: 'demo',
    summary: 'One statement as the caller, with the answer of the gateway',
    by: 'bearer',
    body: { schema: statement },
    answers: {
      200: { says: 'The rows', schema: sqlResult },
      400: { says: 'What the gateway or PostgreSQL refuses', schema: sqlError },
      500: { says: 'It fails inside the gateway', schema: sqlError },
      503: { says: 'The gateway is busy', schema: sqlError },
    },
    fails: [...ofBodies, 'path_unknown', 'token_missing', 'gateway_unreachable'],
  },
  'POST /demo/ask/{about}': {
    id: 'demoAsk',
    tag: 'demo',
    summary: 'What `rowpass dev` tells the page, of the tokens in the body',
    body: { schema: z.record(z.string(), z.unknown()) },
    answers: {
      200: { says: 'The answer', schema: z.record(z.string(), z.unknown()) },
      204: { says: 'Done' },
      400: { says: 'It is no such question' },
      401: { says: 'A token in it is not valid' },
      409: { says: 'There is no key ring, or the token has no session' },
      422: { says: 'The statement is no plain one' },
      503: { says: 'It is busy, or fails' },
    },
    fails: [...ofBodies, 'path_unknown', 'gateway_unreachable'],
  },
  'GET /demo/agents': {
    id: 'demoAgents',
    tag: 'demo',
    summary: 'Where the door of the gateway for assistants is, if it has one',
    answers: { 200: { says: 'Its URL', schema: z.object({ url: z.url().nullable() }) } },
    fails: ['path_unknown', 'gateway_unreachable'],
  },
  'GET /.well-known/jwks.json': {
    id: 'jwks',
    tag: 'issuer',
    summary: 'The public keys (RFC 7517)',
    answers: {
      200: { says: 'The keys', schema: jwks, contentType: 'application/jwk-set+json' },
      304: { says: 'Those that the caller has' },
    },
    fails: ofIssuer,
  },
  'GET /.well-known/oauth-authorization-server': {
    id: 'metadata',
    tag: 'issuer',
    summary: 'The metadata of the issuer (RFC 8414)',
    answers: { 200: { says: 'The document', schema: metadata } },
    fails: ofIssuer,
  },
  'GET /.well-known/openid-configuration': {
    id: 'openidConfiguration',
    tag: 'issuer',
    summary: 'The same, where clients of OpenID look for it',
    answers: { 200: { says: 'The document', schema: metadata } },
    fails: ofIssuer,
  },
}

/**
 * The document.
 *
 * @param server the URL at which the API is reached
 * @param demo whether DEMO is on
 */
export function describeApi(server: string, demo: boolean): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const [route, operation] of Object.entries(operations)) {
    if (operation.tag === 'demo' && !demo) continue
    const [method = '', path = ''] = route.split(' ')
    paths[path] = { ...paths[path], [method.toLowerCase()]: describeOperation(path, operation) }
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Rowpass demo',
      version: '1',
      description: 'Rows under row-level security: what a caller sees and may change is decided by PostgreSQL.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: server }],
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(named).map(([name, schema]) => [name, toJson(schema, 'output')])),
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        client: { type: 'http', scheme: 'basic', description: 'Or client_id and client_secret in the body.' },
      },
    },
  }
}

function describeOperation(path: string, { by, query, body, ...operation }: Operation): object {
  const fromPath = Object.entries(ofPath).flatMap(([name, schema]) =>
    path.includes(`{${name}}`) ? [{ name, in: 'path', required: true, schema: toJson(schema, 'input') }] : [],
  )
  const parameters = [...fromPath, ...(query === undefined ? [] : describeQuery(query))]
  return {
    operationId: operation.id,
    tags: [operation.tag],
    summary: operation.summary,
    // A client of the kind that is public sends no secret.
    security: by === undefined ? [] : by === 'client' ? [{ client: [] }, {}] : [{ bearer: [] }],
    ...(parameters.length > 0 && { parameters }),
    ...(body && {
      requestBody: {
        required: true,
        content: { [body.contentType ?? 'application/json']: { schema: toJson(body.schema, 'input') } },
      },
    }),
    responses: describeAnswers(operation),
  }
}

function describeQuery(query: z.ZodObject): object[] {
  const { properties = {} } = toJson(query, 'input') as { properties?: Record<string, object> }
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', required: false, schema }))
}

interface Response {
  description: string
  content?: Record<string, { schema: object }>
}

function describeAnswers({ answers, fails = [] }: Pick<Operation, 'answers' | 'fails'>): Record<string, Response> {
  const responses: Record<string, Response> = {}
  for (const [status, { says, schema, contentType = 'application/json' }] of Object.entries(answers)) {
    responses[status] = { description: says, ...(schema && { content: { [contentType]: { schema: refer(schema) } } }) }
  }
  const codes = [...new Set([...fails, ...ofAnyPath])]
  for (const status of new Set(codes.map((code) => failures[code].status))) {
    const own = codes.filter((code) => failures[code].status === status)
    const before = responses[status]
    const lines = own.map((code) => `\`${code}\`: ${failures[code].says}`)
    const schema = {
      allOf: [{ $ref: '#/components/schemas/Problem' }, { properties: { code: { enum: own } } }],
    }
    responses[status] = {
      description: [...(before ? [before.description] : []), ...lines].join('. '),
      content: { ...before?.content, 'application/problem+json': { schema } },
    }
  }
  return responses
}

/** By its name, where it has one. */
function refer(schema: z.ZodType): object {
  const name = Object.entries(named).find(([, each]) => each === schema)?.[0]
  return name === undefined ? toJson(schema, 'output') : { $ref: `#/components/schemas/${name}` }
}

/** Draft 2020-12, which OpenAPI 3.1 takes as it is. */
function toJson(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return json
}
