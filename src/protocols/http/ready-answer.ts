import type { FastifyReply } from 'fastify'

/** An answer that is whole in memory: what both ways to answer a poll send, so that they say the same. */
export interface ReadyAnswer {
  readonly status: number
  /** Names in lower case and values in turn, in the order of the wire. */
  readonly headers: readonly string[]
  readonly body: string
}

/** An answer with a body, whose length is its last header, where the framework puts it. */
export function readyAnswer(status: number, headers: readonly string[], body: string): ReadyAnswer {
  return { status, headers: [...headers, 'content-length', String(Buffer.byteLength(body))], body }
}

/** Sends it through the framework. */
export function sendReady(reply: FastifyReply, { status, headers, body }: ReadyAnswer): FastifyReply {
  reply.code(status)
  for (let index = 0; index < headers.length; index += 2) reply.header(headers[index] ?? '', headers[index + 1])
  return body === '' ? reply.send() : reply.send(body)
}
