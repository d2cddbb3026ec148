/**
 * Lists and pieces of SQL that several rules write.
 */
import type { PolicyFacts } from './model.ts'

/** `a`, `a and b`, `a, b and c`. */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}

/** `policy notes_read on public.notes`. */
export function policyOn(policy: PolicyFacts): string {
  return `policy ${policy.sql} on ${policy.table.sql}`
}

/** The statement that made a policy, nearly. */
export function showPolicy({ sql, table, to, command, permissive, using, check }: PolicyFacts): string {
  return [
    `create policy ${sql} on ${table.sql}`,
    permissive ? '' : ' as restrictive',
    command === 'all' ? '' : ` for ${command}`,
    to.length === 0 ? '' : ` to ${to.join(', ')}`,
    using === undefined ? '' : ` using (${using})`,
    check === undefined ? '' : ` with check (${check})`,
  ].join('')
}
