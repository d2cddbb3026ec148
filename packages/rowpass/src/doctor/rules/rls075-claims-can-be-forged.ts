/**
 * RLS075: claims come from a setting that any SQL can write.
 */
import { reachedBy } from '../analysis/model.ts'
import { listed } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls075: Rule = {
  code: 'RLS075',
  slug: 'claims-can-be-forged',
  level: 'info',
  title: 'Policies believe a setting that any SQL can write',
  why:
    'set_config and SET are open to every role. Where requests carry SQL of their own, or an injection gets through, they ' +
    'are whoever they say. It is safe as long as only trusted code writes SQL; Rowpass seals the claims instead.',
  *find(model) {
    const settings = new Set(
      model.policies.flatMap(({ usingTree, checkTree }) =>
        [usingTree, checkTree].flatMap((each) => (each === undefined ? [] : [...reachedBy(model, each.tree).settings])),
      ),
    )
    const sealed = model.routineNamed('rowpass.session') !== undefined
    const open = [...settings].filter((name) => !(sealed && name.startsWith('rowpass.'))).sort()
    if (open.length === 0) return
    yield {
      object: 'database',
      says: `Policies believe ${listed(open)}.`,
      evidence: `select set_config('${open[0]}', '…', true)`,
      fix: { person: 'Whether requests can carry SQL of their own is for a person to know.' },
    }
  },
}
