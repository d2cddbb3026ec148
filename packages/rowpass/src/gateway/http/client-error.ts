/**
 * Answers to what node's HTTP server refuses before there is a request: as an error that the Neon driver reads.
 */
import { Failure } from '../../errors.ts'
import { failureResponse } from '../contract/refuse.ts'
import { lengthOfBody, type SqlResponse } from '../contract/respond.ts'

/** The answer to a request whose headers are over the limit. */
export function headersTooLarge(): SqlResponse {
  return failureResponse(new Failure('headers_too_large'))
}

/**
 * A whole HTTP/1.1 answer, after which the connection is closed.
 *
 * @param error of the event `clientError`: `ERR_HTTP_REQUEST_TIMEOUT`, or an `HPE_…` of the parser
 */
export function clientErrorAnswer(error: NodeJS.ErrnoException): Buffer {
  const answer = failureResponse(toFailure(error))
  const { status, headers, body } = answer
  const head = [
    `HTTP/1.1 ${status} ${status === 413 ? 'Content Too Large' : 'Bad Request'}`,
    'connection: close',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${lengthOfBody(answer)}`,
  ]
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), ...body])
}

function toFailure({ code, message }: NodeJS.ErrnoException): Failure {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new Failure('headers_too_large')
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new Failure('request_too_large', { detail: 'the extensions of the chunks are too large' })
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Failure('request_invalid', { detail: 'the request did not arrive in time' })
    default:
      // The parser's reasons are a closed list and repeat nothing of what was sent.
      return new Failure('request_invalid', {
        detail: code?.startsWith('HPE_')
          ? `not an HTTP request: ${message.replace(/^Parse Error: /, '')}`
          : 'not an HTTP request',
      })
  }
}
