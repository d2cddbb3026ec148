/**
 * `bun generate-keys.ts`, as the Neon demo spells `npm run keys:generate`.
 */
import { runMain } from 'rowpass/operate'

await runMain('keys', 'generate')
