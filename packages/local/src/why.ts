/**
 * Runs the endpoint that answers why inside this process, for the API of the same project.
 */

import { createHash } from 'node:crypto'
import { createVerifier, type OpenDatabase, ownIssuers, type Project, superuserUrl } from 'rowpass/operate'
import { startWhyEndpoint, type WhyEndpoint } from './why-endpoint.ts'

/** Starts it with the issuers of the project's gateway, and the login that sees most of its database. */
export function startLocalWhy(
  project: Project,
  { ownerUrl }: OpenDatabase,
  { apiUrl }: { apiUrl: string },
): Promise<WhyEndpoint> {
  const sha256 = (text: string) => createHash('sha256').update(text).digest('base64')
  const verifier = createVerifier(ownIssuers(project, apiUrl), { sha256, allowPrivateNetwork: true })
  return startWhyEndpoint({ databaseUrl: project.ownerUrl ?? superuserUrl(project.directory, ownerUrl), verifier })
}
