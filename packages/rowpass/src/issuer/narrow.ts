/**
 * What a token says that was made out of another one, for an agent: the same person, and never more than that one allowed.
 */
import { intersectScopes, isOwnScope, parseScopes, type Scopes, writeScopes } from '../token/narrowing.ts'
import { TokenRefusal } from '../token/refusal.ts'
import { OAuthError } from './oauth-error.ts'

/** Lifetime of a narrowed token unless its subject's ends before, in seconds. */
export const narrowedSeconds = 300

/** For whom a token is narrowed, and to what. */
export interface NarrowRequest {
  /** `sub` of the claim `act`. */
  readonly actor: string
  /** The scopes that are asked for; undefined for those of the subject token. */
  readonly scope: string | undefined
}

/** What the issuer sets itself; every other claim of the subject token is in the narrowed one as it was. */
const setAnew: ReadonlySet<string> = new Set([
  'iss',
  'aud',
  'sub',
  'exp',
  'nbf',
  'iat',
  'jti',
  'client_id',
  'scope',
  'act',
])

/**
 * The claims of the narrowed token besides those that the issuer sets for each: the session, the tenant, the role and the
 * application's own as the subject token has them; `scope`; and `act`, around that of the subject token.
 *
 * Does NOT verify the subject token.
 *
 * @param subject claims of a token that was verified
 * @throws OAuthError `invalid_scope` for a scope that is none, that the subject token does not have, or where nothing is left
 * @see RFC 8693 §4.1
 */
export function narrowClaims(
  subject: Readonly<Record<string, unknown>>,
  { actor, scope }: NarrowRequest,
): Readonly<Record<string, unknown>> & { readonly scope: string } {
  const had = typeof subject.scope === 'string' ? subject.scope : ''
  const granted = narrowScope(scope ?? had, had)
  if (readOwn(granted).access === 'none') {
    throw new OAuthError('invalid_scope', 'Nothing would be allowed: ask for sql:read or sql:write')
  }
  const kept = Object.entries(subject).filter(([name]) => !setAnew.has(name))
  return {
    ...Object.fromEntries(kept),
    scope: granted,
    act: { sub: actor, ...(subject.act === undefined ? {} : { act: subject.act }) },
  }
}

/**
 * What of the scopes that are asked for is within those that may be had. Of ours that is what both allow: leaving one out
 * never lifts a limit. Of others it is what was asked for.
 *
 * @param had of a token or a grant; without any of ours it is not limited by them
 * @throws OAuthError `invalid_scope` for another scope that may not be had, one of ours that is none, and where no table is left
 */
export function narrowScope(asked: string, had: string): string {
  const [own, others] = part(asked)
  const [ownHad, othersHad] = part(had)
  if (!others.every((each) => othersHad.includes(each))) {
    throw new OAuthError('invalid_scope', 'More was asked for than may be had')
  }
  const limits = [own, ownHad].filter((words) => words.length > 0).map((words) => readOwn(words.join(' ')))
  const [first, second = first] = limits
  if (first === undefined || second === undefined) return others.join(' ')
  const both = intersectScopes(first, second)
  if (both.tables?.length === 0) throw new OAuthError('invalid_scope', 'More was asked for than may be had')
  return [...others, writeScopes(both)].filter((word) => word !== '').join(' ')
}

/** Ours, and the others, each once. */
function part(scope: string): [own: readonly string[], others: readonly string[]] {
  const words = [...new Set(scope.split(' ').filter((word) => word !== ''))]
  return [words.filter(isOwnScope), words.filter((word) => !isOwnScope(word))]
}

function readOwn(scope: string): Scopes {
  try {
    return parseScopes(part(scope)[0])
  } catch (error) {
    if (!(error instanceof TokenRefusal)) throw error
    throw new OAuthError('invalid_scope', error.message)
  }
}
