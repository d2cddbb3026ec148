/** The order of the site: every page of docs/, and the pages of the repository that they lead to. */
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** One part of the sidebar; paths are those of the repository. */
export interface Part {
  readonly title: string
  readonly pages: readonly string[]
}

const docs = (...names: string[]): string[] => names.map((name) => `docs/${name}.md`)

const named: readonly Part[] = [
  { title: 'Start', pages: docs('start', 'tutorial') },
  {
    title: 'Recipes',
    pages: docs(
      'recipes/empty-result',
      'recipes/new-row-violates-policy',
      'recipes/permission-denied',
      'recipes/clerk',
      'recipes/neon-without-gateway',
      'recipes/local-neon-in-ci',
      'recipes/agents',
      'recipes/prisma',
      'recipes/rotate-keys',
      'recipes/from-the-neon-demo',
    ),
  },
  {
    title: 'Concepts',
    pages: docs('concepts/identity', 'concepts/seal', 'concepts/judgement', 'concepts/policies', 'concepts/keys'),
  },
  { title: 'Policies', pages: docs('policies', 'testing', 'doctor', 'matrix', 'why', 'review', 'past-policies') },
  {
    title: 'In operation',
    pages: docs(
      'production',
      'scaling',
      'when-it-goes-wrong',
      'agents',
      'seal',
      'local',
      'issuers',
      'issuer',
      'issuer-in-your-app',
      'keys',
      'revocation',
    ),
  },
  {
    title: 'Coming from',
    pages: docs('from-neon-demo', 'from-supabase', 'from-postgraphile', 'from-hand-made-rls'),
  },
  {
    title: 'Reference',
    pages: docs(
      'cli',
      'configuration',
      'errors',
      'rules',
      'sql-functions',
      'library',
      'events',
      'compatibility',
      'dependencies',
    ),
  },
  {
    title: 'Evidence',
    pages: [...docs('performance', 'security-testing'), 'SECURITY.md', 'corpus/README.md', 'corpus/results.md'],
  },
  { title: 'The project', pages: ['README.md', 'demo/README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'] },
]

const written = readdirSync(fileURLToPath(new URL('../../docs', import.meta.url)), {
  recursive: true,
  encoding: 'utf8',
})
const unnamed = written
  .filter((name) => name.endsWith('.md') && !named.some(({ pages }) => pages.includes(`docs/${name}`)))
  .map((name) => `docs/${name}`)
  .sort()

/** All parts; a page of docs/ that has no place yet stands in the last one. */
export const sidebar: readonly Part[] = unnamed.length === 0 ? named : [...named, { title: 'More', pages: unnamed }]
