/** Writes `docs/issuers.md` from the presets and the table of settings. */
import type { Preset } from '../packages/rowpass/src/token/presets/preset.ts'
import { expandPreset, fillIn, presets } from '../packages/rowpass/src/token/presets/presets.ts'

/** The page. */
export function issuersPage(): string {
  const sections = Object.entries(presets)
    .sort(([, a], [, b]) => a.name.localeCompare(b.name))
    .map(([provider, preset]) => section(provider, preset))
  return `${head}\n${sections.join('\n')}\n${tail}`
}

function section(provider: string, preset: Preset): string {
  const given = { provider, ...preset.parameters }
  const { header, claims, lifetimeSeconds, withoutIat } = preset.token
  const times = withoutIat ? '`exp`' : '`iat` and `exp`'
  const unconfirmed = preset.unconfirmed ? [`Not confirmed from its documentation: ${preset.unconfirmed}`] : []
  return `### ${preset.name}

For ${preset.says}; shape of the token: [its documentation](${preset.source}).

\`\`\`json
[${JSON.stringify(given)}]
\`\`\`

which expands to

\`\`\`json
${expandPreset(given)
  .map((entry) => JSON.stringify(entry))
  .join('\n')}
\`\`\`

The token: header, claims, and ${times}, ${lifetimeSeconds} s in all.

\`\`\`json
${JSON.stringify(header)}
${JSON.stringify(fillIn(claims, preset.parameters))}
\`\`\`

${[...preset.notes, ...unconfirmed].map((note) => `- ${note}`).join('\n')}
`
}

const head = `# Issuers

The gateway accepts tokens of every issuer in \`ROWPASS_ISSUERS\`. For the providers below, an entry names the provider and what
is specific to you; \`rowpass gateway --print-config\` shows the settings that result, and what they give up. Anything else in an entry replaces the preset's value. Every other issuer is described by the settings themselves:
[configuration.md](configuration.md#issuers) has them all.

\`rowpass issuer check <url or domain>\` asks an issuer for its metadata and keys, says which preset fits, and prints the entry to
paste. With \`--token -\` it reads one of your tokens from standard input, and says whether the gateway would accept it, or which
setting stands in the way. It prints no token, and sends none anywhere.

Each preset is tested with the token that stands beside it, through the gateway and through the API
([\`presets.test.ts\`](../demo/test/presets.test.ts)); the shapes are those of the providers' public
documentation; what could not be found there, its section names. Better Auth, oidc-provider, OpenAuth and our own issuer are
tested as published, on PostgreSQL ([\`conformance/issuers\`](../packages/rowpass/test/conformance/issuers)). Programs that run:
[\`examples/issuers\`](../examples/issuers).

## What every token needs

| part | rule |
|---|---|
| \`alg\` | ES256, RS256, PS256 or EdDSA, also by its name \`Ed25519\` (RFC 9864); those of 384 and 512 bits where \`algorithms\` lists them. HS256 never: a party that can verify it can also sign with it |
| \`kid\` | published in the key set; a token without one is for an issuer with one key |
| \`typ\` | one of \`typ\`, by default \`at+jwt\` (RFC 9068); \`""\` stands for a header without \`typ\` |
| \`iss\` | equal to \`iss\`, character by character: a slash at the end counts |
| \`aud\` | one of \`audience\`, or a list that contains one; or what \`require\` asks in its place |
| \`sub\` | a text of 1 to 255 characters; it need not be a UUID |
| \`exp\`, \`iat\` | both required, fractions allowed, at most \`max_ttl_seconds\` apart (3600; up to 30 days); \`iat\` may be missing with \`iat_optional\` |
| \`nbf\`, \`jti\` | checked where present |
| tenant | of \`tenant_type\` where \`tenant_claim\` is present and not null: a UUID in \`tenant_id\` by default |
| size | 8192 characters, or \`max_token_bytes\` up to 16384 |

Opaque and encrypted tokens are refused.

## What a policy should know

- **A \`sub\` is unique within its issuer only.** With more than one issuer, a policy compares \`auth.session()->>'iss'\` as well.
- \`auth.user_id()\` is \`sub\` as text. \`auth.uid()\` is NULL where \`sub\` is not a UUID, so a policy on it denies.
- A tenant in another claim, such as \`org_id\` or \`o.id\`, is \`auth.session()->>'org_id'\`, \`auth.session()#>>'{o,id}'\`. A cast to
  uuid fails where it is not one: compare texts.
- Scopes are one text: \`'notes:write' = any (string_to_array((select auth.session()->>'scope'), ' '))\`.
- A claim that people can set themselves must decide nothing. Profile data such as \`name\` or \`user_metadata\` is of that kind.
- The database role comes from the configuration (\`role\`, or \`role_claim\` with a list of \`roles\`), never from a claim by itself.

With \`typ\` set to \`JWT\` or \`""\`, an ID token of the same issuer looks like an access token. Then \`audience\` is what keeps
them apart: give the gateway an audience of its own.

## Providers
`

const tail = `## Where companies are

Keys and metadata are fetched through the proxy in \`HTTPS_PROXY\`, unless the host is in \`NO_PROXY\`; certificates of a CA of
your own are trusted by \`NODE_EXTRA_CA_CERTS\`. What may not be fetched from private networks may not be fetched through a proxy
either.

## Keys that change

| what happens at the issuer | what the gateway does |
|---|---|
| a new key signs | its first token makes the gateway fetch the keys. It is accepted by that request, or within a second when keys were fetched just before |
| a key is removed | it is refused from the next fetch on: at once when a token with a new \`kid\` comes, else within about 11 minutes |
| tokens with invented \`kid\`s | one fetch in 0.9 s, whatever their number; at most 256 wait for it, the others are refused at once. Tokens of known keys do not wait |
| the key set cannot be fetched | known keys are used for up to an hour after the last fetch; attempts become rarer, down to one in 30 s. Then tokens of this issuer are answered with \`keys_unavailable\` |
| one \`kid\` stands for several keys | tokens with it are refused, and no others; the same key twice is one. \`jwks_loaded\` names what was left out, and why |

How often keys are fetched when nothing changes follows \`Cache-Control: max-age\`, between 30 s and 10 minutes; 5 minutes when
the answer does not say. Without \`jwks_url\`, the metadata is asked again each time.
`
