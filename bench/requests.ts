/** The HTTP requests of the benchmark, written out. */
import { type Caller, noteGraphql, noteSql, type Person, personSql } from './scene.ts'

const distinctRequests = 2_000
/** A prime, so that callers and their rows are met in an order without a pattern. */
const stride = 7_919

/** `POST /sql` as the Neon driver sends it. */
export function sqlRequests(callers: readonly Caller[]): string[] {
  return distinct(callers, (token, id) => sqlRequest(token, noteSql, [String(id)]))
}

/** What {@link newTextRequests} holds in each text: a number of so many digits that the load generator changes. */
export const changing = '1000000'

/** The same row by a text that no request had before. */
export function newTextRequests(callers: readonly Caller[]): string[] {
  return distinct(callers, (token, id) => sqlRequest(token, noteSql.replace('$1', `${id} and ${changing} > 0`), []))
}

/** Each person's own row of a table of people. */
export function personRequests(people: readonly Person[], table: string): string[] {
  return people.map(({ id, token }) => sqlRequest(token, personSql(table), [id]))
}

function sqlRequest(token: string, query: string, params: readonly string[]): string {
  return post('/sql', token, { query, params }, [
    'neon-connection-string: postgresql://authenticated@db.example.test/rowpass',
    'neon-raw-text-output: true',
    'neon-array-mode: true',
  ])
}

/** The same row from PostGraphile. */
export function graphqlRequests(callers: readonly Caller[]): string[] {
  return distinct(callers, (token, id) => post('/graphql', token, { query: noteGraphql, variables: { id } }, []))
}

function distinct(callers: readonly Caller[], write: (token: string, id: number) => string): string[] {
  return Array.from({ length: distinctRequests }, (_, index) => {
    const number = index * stride
    const { token, noteIds } = callers[number % callers.length] as Caller
    return write(token, noteIds[Math.floor(number / callers.length) % noteIds.length] as number)
  })
}

function post(path: string, token: string, value: object, headers: readonly string[]): string {
  const body = JSON.stringify(value)
  const head = [
    `POST ${path} HTTP/1.1`,
    'host: 127.0.0.1',
    `authorization: Bearer ${token}`,
    'content-type: application/json',
    `content-length: ${body.length}`,
    ...headers,
  ]
  return `${head.join('\r\n')}\r\n\r\n${body}`
}
