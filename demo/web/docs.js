/**
 * Shows `/openapi.json`. No text of it becomes markup.
 */
const place = document.querySelector('#operations')

const make = (name, attributes = {}, ...children) => {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
  element.append(...children)
  return element
}

/** A schema as a person writes it down: `{ "name": text of 1 to 200, … }`. */
function describe(schema, document, depth = 0) {
  if (schema.$ref) return describe(document.components.schemas[schema.$ref.split('/').at(-1)], document, depth)
  if (schema.allOf) return describe(schema.allOf[0], document, depth)
  if (schema.anyOf) return schema.anyOf.map((each) => describe(each, document, depth)).join(' or ')
  if (schema.enum) return schema.enum.map((each) => JSON.stringify(each)).join(' or ')
  if ('const' in schema) return JSON.stringify(schema.const)
  if (schema.type === 'array') return `[${describe(schema.items, document, depth)}, …]`
  if (schema.type !== 'object') return [schema.type, schema.format && `(${schema.format})`].filter(Boolean).join(' ')
  const indent = '  '.repeat(depth + 1)
  const lines = Object.entries(schema.properties ?? {}).map(([name, each]) => {
    const optional = schema.required?.includes(name) ? '' : '?'
    return `${indent}${name}${optional}: ${describe(each, document, depth + 1)}`
  })
  return lines.length === 0 ? 'object' : `{\n${lines.join('\n')}\n${'  '.repeat(depth)}}`
}

const code = (text) => make('pre', { tabindex: '0' }, make('code', {}, text))

function section(title, ...children) {
  return [make('h3', {}, title), ...children]
}

function show(method, path, operation, document) {
  const { summary, security, parameters = [], requestBody, responses } = operation
  const [contentType, body] = Object.entries(requestBody?.content ?? {})[0] ?? []
  const rows = Object.entries(responses).map(([status, { description, content = {} }]) =>
    make(
      'tr',
      {},
      make('th', { scope: 'row' }, status),
      make('td', {}, description.replaceAll('`', '')),
      make('td', {}, Object.keys(content).join(', ')),
    ),
  )
  const good = Object.entries(responses).find(([status]) => status.startsWith('2'))?.[1]
  const answer = Object.values(good?.content ?? {})[0]?.schema
  return make(
    'details',
    { id: operation.operationId, 'data-text': `${method} ${path} ${summary}`.toLowerCase() },
    make(
      'summary',
      {},
      make('code', { class: `method ${method}` }, method.toUpperCase()),
      ' ',
      make('code', {}, path),
      ' ',
      make('span', {}, summary),
    ),
    make('p', {}, security.some(({ bearer }) => bearer) ? 'With a bearer token.' : 'Without a bearer token.'),
    ...(parameters.length === 0
      ? []
      : section(
          'Parameters',
          code(
            parameters
              .map(({ name, in: where, schema }) => `${name} (${where}): ${describe(schema, document)}`)
              .join('\n'),
          ),
        )),
    ...(body ? section(`Body, ${contentType}`, code(describe(body.schema, document))) : []),
    ...(answer ? section('Answer', code(describe(answer, document))) : []),
    ...section('Statuses', make('table', {}, make('tbody', {}, ...rows))),
  )
}

async function start() {
  const response = await fetch('/openapi.json')
  if (!response.ok) throw new Error(`The document cannot be read: ${response.status}`)
  const document_ = await response.json()
  const all = Object.entries(document_.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )
  const tags = [...new Set(all.map(({ operation }) => operation.tags[0]))]
  place.replaceChildren(
    ...tags.map((tag) =>
      make(
        'section',
        {},
        make('h2', {}, tag),
        ...all
          .filter(({ operation }) => operation.tags[0] === tag)
          .map(({ path, method, operation }) => show(method, path, operation, document_)),
      ),
    ),
  )
  const open = () => document.getElementById(location.hash.slice(1))?.setAttribute('open', '')
  addEventListener('hashchange', open)
  open()
  document.querySelector('#find').addEventListener('input', ({ target }) => {
    const words = target.value.toLowerCase().split(/\s+/)
    for (const each of place.querySelectorAll('details')) {
      each.hidden = !words.every((word) => each.dataset.text.includes(word))
    }
  })
}

start().catch((error) => place.replaceChildren(make('p', { role: 'alert' }, error.message)))
