import type { FastifyInstance } from 'fastify'
import { OtaError } from '../../core/errors.ts'
import { acceptMultipart } from '../http/multipart-spool.ts'
import { discardRest } from '../http/request-body.ts'

/** Takes JSON, form and multipart bodies; any other body is read, thrown away and counts as empty. */
export async function acceptBodies(scope: FastifyInstance): Promise<void> {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('application/json', { parseAs: 'string' }, async (_request: unknown, body: unknown) =>
    parseJson(String(body)),
  )
  scope.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    async (_request: unknown, body: unknown) => parseForm(String(body)),
  )
  scope.addContentTypeParser('*', async (request: { raw: Parameters<typeof discardRest>[0] }) => {
    discardRest(request.raw)
    return undefined
  })
  await acceptMultipart(scope)
}

function parseJson(text: string): unknown {
  if (text.trim() === '') return {}
  try {
    return JSON.parse(text)
  } catch (cause) {
    // [iotaap 3.1]
    throw new OtaError('invalid', 'Request body is not valid JSON', { cause })
  }
}

/** Of a repeated name the first value counts. */
function parseForm(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries([...new URLSearchParams(text)].toReversed())
}
