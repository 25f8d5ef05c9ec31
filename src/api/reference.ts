import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { API_BASE } from './api-context.ts'
import type { OpenApiDocument } from './openapi.ts'
import { REFERENCE_STYLE, renderReference } from './render-reference.ts'

/** The OpenAPI document and the page made from it; both are written once and kept. */
export function registerReference(scope: FastifyInstance): void {
  let document: string | undefined
  let page: string | undefined
  const style = createHash('sha256').update(REFERENCE_STYLE).digest('base64')
  scope.get(`${API_BASE}/openapi.json`, { schema: { hide: true } }, (_request, reply) => {
    document ??= JSON.stringify(scope.swagger())
    return reply.type('application/json; charset=utf-8').serializer(String).send(document)
  })
  scope.get('/docs', { schema: { hide: true } }, (_request, reply) => {
    page ??= renderReference(scope.swagger() as unknown as OpenApiDocument)
    return reply
      .type('text/html; charset=utf-8')
      .header(
        'content-security-policy',
        `default-src 'none'; style-src 'sha256-${style}'; base-uri 'none'; frame-ancestors 'none'`,
      )
      .header('x-content-type-options', 'nosniff')
      .send(page)
  })
}
