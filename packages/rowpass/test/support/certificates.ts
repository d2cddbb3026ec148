/**
 * An authority and what it signs, for servers under test.
 */
import pg from 'pg'
import { generate, type SelfsignedOptions } from 'selfsigned'

/** A certificate with its key, both as PEM. */
export interface Certified {
  readonly certificate: string
  readonly key: string
}

/** An authority of a test. */
export interface Authority {
  /** Its own certificate, as PEM. */
  readonly certificate: string
  /** Signs for a day, or so that it ended a day ago. */
  sign(commonName: string, options?: { dnsName?: string; expired?: boolean }): Promise<Certified>
}

const dayMs = 86_400_000

export async function createAuthority(name: string): Promise<Authority> {
  const ca = await make(name, {
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, critical: true },
    ],
  })
  return {
    certificate: ca.certificate,
    sign(commonName, { dnsName, expired = false } = {}) {
      const notAfter = Date.now() + (expired ? -dayMs : dayMs)
      return make(commonName, {
        ca: { key: ca.key, cert: ca.certificate },
        notBeforeDate: new Date(notAfter - 2 * dayMs),
        notAfterDate: new Date(notAfter),
        extensions: [
          { name: 'basicConstraints', cA: false },
          ...(dnsName === undefined
            ? []
            : [{ name: 'subjectAltName' as const, altNames: [{ type: 2 as const, value: dnsName }] }]),
        ],
      })
    },
  }
}

async function make(commonName: string, options: SelfsignedOptions): Promise<Certified> {
  const made = await generate([{ name: 'commonName', value: commonName }], {
    keyType: 'ec',
    algorithm: 'sha256',
    ...options,
  })
  return { certificate: made.cert, key: made.private }
}

/**
 * Has a server show a certificate to connections from now on, and offer TLS with it.
 * @param admin a superuser of it
 */
export async function showCertificate(admin: pg.ClientBase, { certificate, key }: Certified): Promise<void> {
  const { rows } = await admin.query(`select current_setting('data_directory') as folder`)
  for (const [name, text] of Object.entries({ 'server.crt': certificate, 'server.key': key })) {
    const path = `${rows[0].folder}/${name}`
    const lines = `select unnest(string_to_array(${pg.escapeLiteral(text.trim())}, chr(10)))`
    // By the server, so that the file is its own: it takes no key that others may read.
    await admin.query(`copy (${lines}) to program ${pg.escapeLiteral(`umask 077; cat > '${path}'`)}`)
  }
  await admin.query(`alter system set ssl = on`)
  await admin.query('select pg_reload_conf()')
}
