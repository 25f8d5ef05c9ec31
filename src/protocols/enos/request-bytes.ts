import type { FastifyInstance, FastifyRequest } from 'fastify'

/** Makes every body but multipart arrive as the bytes that were sent: digests cover them [enos 2.3]. */
export function acceptRawBodies(scope: FastifyInstance, maxBytes: number): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: maxBytes }, (_request, body, done) => {
    done(null, body)
  })
}

/** The raw body; undefined for none, and for multipart. */
export function bodyBytes(request: FastifyRequest): Uint8Array | undefined {
  return request.body instanceof Uint8Array ? request.body : undefined
}

export function bodyText(request: FastifyRequest): string {
  const bytes = bodyBytes(request)
  return bytes === undefined ? '' : new TextDecoder().decode(bytes)
}
