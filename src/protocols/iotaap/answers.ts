import type { FastifyReply, FastifyRequest } from 'fastify'
import { type ReadyAnswer, readyAnswer, sendReady } from '../http/ready-answer.ts'
import type { Target } from './scheme.ts'

export const JSON_TYPE = 'application/json; charset=utf-8'

/** A miss of the account API: no `error` member. [iotaap 3.6] */
export const NO_SUCH = {
  device: { message: 'No such device' },
  group: { message: 'No such group' },
} as const satisfies Record<Target, object>

export const GROUP_ID_INVALID = { message: 'Group ID is not valid' } as const

const MISS = {
  device: JSON.stringify({ ...NO_SUCH.device, error: 'Not Found' }),
  group: JSON.stringify({ ...NO_SUCH.group, error: 'Not Found' }),
} as const satisfies Record<Target, string>

/** The one answer for everything that a device may not have, whatever the reason: the same bytes each time. [iotaap R9] */
export function sendMiss(reply: FastifyReply, target: Target): FastifyReply {
  return sendToDevice(reply, 404, MISS[target])
}

/** A JSON text for a device, and the end of the connection. [iotaap 4.3] */
export function toDevice(status: number, json: string): ReadyAnswer {
  return readyAnswer(status, ['connection', 'close', 'content-type', JSON_TYPE], json)
}

export function sendToDevice(reply: FastifyReply, status: number, json: string): FastifyReply {
  return sendReady(reply, toDevice(status, json))
}

/** Plain text, not JSON. [iotaap 2] */
export function sendUnauthorized(reply: FastifyReply): FastifyReply {
  return reply.code(401).header('content-type', 'text/plain; charset=utf-8').send('Unauthorized')
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** The page of an unknown route, as the vendor's framework makes it. [iotaap 3.1] */
export function sendUnknownRoute(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = encodeRest((request.raw.url ?? '/').replace(/[?#].*$/s, ''))
  const text = `Cannot ${request.method} ${path}`.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? '')
  const page = [
    '<!DOCTYPE html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<title>Error</title>',
    '</head>',
    '<body>',
    `<pre>${text}</pre>`,
    '</body>',
    '</html>',
    '',
  ].join('\n')
  return reply
    .code(404)
    .header('content-security-policy', "default-src 'none'")
    .header('x-content-type-options', 'nosniff')
    .header('content-type', 'text/html; charset=utf-8')
    .send(page)
}

/** Percent-encodes what may not stand in a URL; what is encoded already stays. */
function encodeRest(path: string): string {
  return path.replace(/[^\x21-\x7e]|["<>\\^`{|}]/gu, (character) => {
    try {
      return encodeURIComponent(character)
    } catch {
      return '%EF%BF%BD'
    }
  })
}
