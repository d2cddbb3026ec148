/**
 * Under DEMO, which signs anybody in: keeps pages of other names out, also where such a name points to this machine.
 */
import { createMiddleware } from 'hono/factory'
import { Failure } from 'rowpass'
import { hashSecret, isHost, sameHash } from 'rowpass/issuer'
import type { ApiEnv } from '../app-env.ts'

/**
 * Refuses requests that were sent to another host than loopback, that of ISSUER, or one of DEMO_HOSTS. Without DEMO any
 * host is answered. Under `rowpass dev` it also refuses what did not come through its front: wrangler's own port believes
 * a client that names another host.
 *
 * @throws Failure `host_unknown`
 */
export const onlyOwnHosts = createMiddleware<ApiEnv>(async (c, next) => {
  const { demo, frontSecret } = c.get('settings')
  // The URL has the host too, where a platform makes it of something else than the header.
  const hosts = [new URL(c.req.url).host, c.req.header('Host') ?? '127.0.0.1']
  if (demo !== undefined && !hosts.every((host) => isHost(host, demo.hosts))) throw new Failure('host_unknown')
  if (frontSecret !== undefined) {
    const given = await hashSecret(c.req.header('Rowpass-Front') ?? '')
    if (!sameHash(given, await hashSecret(frontSecret.reveal()))) throw new Failure('host_unknown')
  }
  await next()
})
