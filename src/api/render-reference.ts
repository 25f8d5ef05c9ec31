import { PROBLEM_KINDS } from './errors.ts'
import type { JsonSchema, OpenApiDocument, OpenApiOperation } from './openapi.ts'

export const REFERENCE_STYLE = `
:root{color-scheme:light dark;--line:#8884;--soft:#8882}
body{font:15px/1.5 system-ui,sans-serif;margin:0;display:grid;grid-template-columns:15rem minmax(0,1fr)}
nav{position:sticky;top:0;height:100vh;overflow:auto;padding:1rem;border-right:1px solid var(--line);box-sizing:border-box}
nav a{display:block;color:inherit;text-decoration:none;padding:.1rem 0}nav a:hover{text-decoration:underline}
main{padding:1rem 2rem 6rem;max-width:60rem}
h2{margin-top:3rem;border-bottom:1px solid var(--line)}
details{border:1px solid var(--line);border-radius:6px;margin:.5rem 0}
summary{cursor:pointer;padding:.4rem .8rem}summary code{margin-right:.6rem}
details>div{padding:0 .8rem .6rem;border-top:1px solid var(--line)}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.2rem .6rem .2rem 0;border-bottom:1px solid var(--soft)}
code,pre{font:13px/1.45 ui-monospace,monospace}pre{background:var(--soft);padding:.6rem;border-radius:6px;overflow:auto}
.method{display:inline-block;width:4.2rem;font-weight:600}
@media(max-width:50rem){body{display:block}nav{position:static;height:auto}}
`

/** One page of HTML without scripts, from the OpenAPI document alone. */
export function renderReference(document: OpenApiDocument): string {
  const groups = document.tags
    .map((tag) => ({ tag, operations: operationsOf(document, tag.name) }))
    .filter((group) => group.operations.length > 0)
  const links = groups.map(({ tag }) => `<a href="#${tag.name}">${text(tag.name)}</a>`).join('')
  const schemas = Object.entries(document.components.schemas)
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${text(document.info.title)}</title><style>${REFERENCE_STYLE}</style></head><body>
<nav><strong>${text(document.info.title)}</strong><p>${text(document.info.version)}</p>${links}<a href="#schemas">Schemas</a><a href="#problems">Problems</a><a href="/api/godwit/v1/openapi.json">openapi.json</a></nav>
<main><h1>${text(document.info.title)}</h1>${paragraphs(document.info.description)}
${groups.map(({ tag, operations }) => `<section id="${tag.name}"><h2>${text(tag.name)}</h2><p>${text(tag.description)}</p>${operations.join('')}</section>`).join('')}
<section id="schemas"><h2>Schemas</h2>${schemas.map(([name, schema]) => `<details id="schema-${name}"><summary>${text(name)}</summary><div>${described(schema)}</div></details>`).join('')}</section>
<section id="problems"><h2>Problems</h2><p>What <code>code</code> may be.</p><table>${problemRows()}</table></section>
</main></body></html>`
}

function operationsOf(document: OpenApiDocument, tag: string): string[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, operation]) => operation.tags?.includes(tag))
      .map(([method, operation]) => renderOperation(method, path, operation)),
  )
}

function renderOperation(method: string, path: string, operation: OpenApiOperation): string {
  const parameters = (operation.parameters ?? []).map(
    (one) =>
      `<tr><td><code>${text(one.name)}</code></td><td>${text(one.in)}${one.required ? ', needed' : ''}</td><td>${text(typeOf(one.schema))}</td><td>${inline(one.description ?? '')}</td></tr>`,
  )
  const body = Object.entries(operation.requestBody?.content ?? {}).map(
    ([type, { schema }]) => `<h4>Body: <code>${text(type)}</code></h4>${described(schema)}`,
  )
  const replies = Object.entries(operation.responses).flatMap(([status, response]) =>
    Object.entries(response.content ?? { '': { schema: {} } }).map(
      ([type, { schema }]) => `<h4>${text(status)} <code>${text(type)}</code></h4>${type ? described(schema) : ''}`,
    ),
  )
  return `<details id="${text(operation.operationId)}"><summary><code><span class="method">${method.toUpperCase()}</span>${text(path)}</code> ${text(operation.summary)}</summary>
<div>${paragraphs(operation.description ?? '')}${parameters.length > 0 ? `<table>${parameters.join('')}</table>` : ''}${body.join('')}${replies.join('')}</div></details>`
}

/** A table of members, or the bare type. */
function described(schema: JsonSchema): string {
  const properties = schema['properties'] as Readonly<Record<string, JsonSchema>> | undefined
  if (!properties) return `<p>${linked(schema)}</p>`
  const required = (schema['required'] as readonly string[] | undefined) ?? []
  const rows = Object.entries(properties).map(
    ([name, member]) =>
      `<tr><td><code>${text(name)}</code></td><td>${linked(member)}${required.includes(name) ? '' : ', optional'}</td><td>${inline(String(member['description'] ?? ''))}</td></tr>`,
  )
  return `<table>${rows.join('')}</table>`
}

function linked(schema: JsonSchema): string {
  return text(typeOf(schema)).replace(/\b([A-Z][A-Za-z]+)\b/g, '<a href="#schema-$1">$1</a>')
}

/** A type in few words. */
function typeOf(schema: JsonSchema): string {
  const {
    $ref,
    enum: values,
    anyOf,
    items,
    type,
    properties,
    additionalProperties,
  } = schema as {
    $ref?: string
    enum?: readonly unknown[]
    anyOf?: readonly JsonSchema[]
    items?: JsonSchema
    type?: string | readonly string[]
    properties?: Readonly<Record<string, JsonSchema>>
    additionalProperties?: JsonSchema | boolean
  }
  if ($ref) return $ref.slice($ref.lastIndexOf('/') + 1)
  if (values) return values.map((value) => JSON.stringify(value)).join(' or ')
  if (anyOf) return [...new Set(anyOf.map(typeOf))].join(' or ')
  if (type === 'array') return `list of ${typeOf(items ?? {})}`
  if (properties)
    return `{ ${Object.entries(properties)
      .map(([name, one]) => `${name}: ${typeOf(one)}`)
      .join(', ')} }`
  if (type === 'object' && typeof additionalProperties === 'object') return `map of ${typeOf(additionalProperties)}`
  return [type ?? 'anything'].flat().join(' or ')
}

function problemRows(): string {
  return Object.entries(PROBLEM_KINDS)
    .map(
      ([code, { status, title }]) =>
        `<tr id="problem-${code}"><td><code>${code}</code></td><td>${status}</td><td>${text(title)}</td></tr>`,
    )
    .join('')
}

function paragraphs(markdown: string): string {
  return markdown
    .split('\n\n')
    .filter((part) => part !== '')
    .map((part) => `<p>${inline(part)}</p>`)
    .join('')
}

function inline(markdown: string): string {
  return text(markdown)
    .replace(/`([^`]+)`/g, '<code>$1</code>')
    .replaceAll('\n', '<br>')
}

function text(plain: string): string {
  return plain.replace(/[&<>"]/g, (char) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[char] ?? char)
}
