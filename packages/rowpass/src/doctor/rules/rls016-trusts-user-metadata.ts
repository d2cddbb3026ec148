/**
 * RLS016: a policy believes what users write about themselves.
 */
import { reachedBy } from '../analysis/model.ts'
import { policyOn, showPolicy } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls016: Rule = {
  code: 'RLS016',
  slug: 'trusts-user-metadata',
  level: 'error',
  title: 'A policy trusts a claim that users can set themselves',
  why:
    'user_metadata is what a user has saved about themselves at the issuer: a role or a tenant in there is whatever they ' +
    'want. Use claims that only the issuer sets, such as those in app_metadata.',
  *find(model) {
    for (const policy of model.policies) {
      const texts = [policy.usingTree, policy.checkTree].flatMap((expression) =>
        expression === undefined ? [] : [...reachedBy(model, expression.tree).texts],
      )
      const name = texts.flatMap((text) => text.split(/[{},."]+/)).find((word) => writable.has(word))
      if (name === undefined) continue
      yield {
        object: policy.table.sql,
        part: policy.sql,
        says: `The ${policyOn(policy)} reads ${name}.`,
        evidence: showPolicy(policy),
        fix: { person: 'Which claim of the issuer says the same is for a person to know.' },
      }
    }
  },
}

const writable = new Set(['user_metadata', 'raw_user_meta_data', 'unsafe_metadata', 'unsafeMetadata'])
