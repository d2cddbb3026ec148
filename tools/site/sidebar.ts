/** The order of the site: every page of docs/, and the pages of the repository that they lead to. */

/** One part of the sidebar; paths are those of the repository. */
export interface Part {
  readonly title: string
  readonly pages: readonly string[]
}

const docs = (...names: string[]): string[] => names.map((name) => `docs/${name}.md`)

export const sidebar: readonly Part[] = [
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
