/**
 * Runs the endpoints that answer the API's questions inside this process, for the API of the same project.
 */

import { createHash } from 'node:crypto'
import {
  createVerifier,
  type OpenDatabase,
  openDatabaseRing,
  ownIssuers,
  type Project,
  superuserUrl,
  type Verifier,
} from 'rowpass/operate'
import { type Showcase, startShowcase } from './showcase.ts'
import { startWhyEndpoint, type WhyEndpoint } from './why-endpoint.ts'

/** Where the API is. */
interface ApiUrl {
  readonly apiUrl: string
}

/** Starts the one for WHY with the issuers of the project's gateway, and the login that sees most of its database. */
export function startLocalWhy(project: Project, database: OpenDatabase, urls: ApiUrl): Promise<WhyEndpoint> {
  return startWhyEndpoint({ databaseUrl: mostSeeing(project, database), verifier: verifierOf(project, urls) })
}

/**
 * Starts the one for the page of DEMO, with the same.
 *
 * @param signsByRing whether the ring of the database signs, so that it may be rotated
 */
export function startLocalShowcase(
  project: Project,
  database: OpenDatabase,
  urls: ApiUrl,
  signsByRing: boolean,
): Promise<Showcase> {
  return startShowcase({
    databaseUrl: mostSeeing(project, database),
    verifier: verifierOf(project, urls),
    openRing: signsByRing ? () => openDatabaseRing(database) : undefined,
  })
}

function mostSeeing(project: Project, { ownerUrl }: OpenDatabase): string {
  return project.ownerUrl ?? superuserUrl(project.directory, ownerUrl)
}

function verifierOf(project: Project, { apiUrl }: ApiUrl): Verifier {
  const sha256 = (text: string) => createHash('sha256').update(text).digest('base64')
  return createVerifier(ownIssuers(project, apiUrl), { sha256, allowPrivateNetwork: true })
}
