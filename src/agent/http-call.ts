import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { CallFailure } from './failures.ts'

export interface Call {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** A silence of so long ends the call, ms. */
  readonly idleMs: number
  readonly signal?: AbortSignal
}

export interface Reply {
  readonly status: number
  header(name: string): string | undefined
  /** Rejects when the connection ends before the body does. */
  readonly body: AsyncIterable<Uint8Array>
  /** Ends the connection when the body is not wanted to its end. */
  discard(): void
}

/** One HTTP request; redirects are not followed. Rejects with `CallFailure` when there is no answer. */
export function call({ method, url, headers, body, idleMs, signal }: Call): Promise<Reply> {
  const send = new URL(url).protocol === 'https:' ? requestHttps : requestHttp
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  return new Promise((resolve, reject) => {
    const request = send(url, { method, headers: { ...headers, ...length }, ...(signal && { signal }) })
    request.setTimeout(idleMs, () => request.destroy(new Error(`silence for ${idleMs / 1000} s`)))
    request.once('error', (error) => reject(new CallFailure(`${method} ${url}: ${error.message}`, { cause: error })))
    request.once('response', (response) => resolve(replyOf(response)))
    request.end(body)
  })
}

function replyOf(response: IncomingMessage): Reply {
  return {
    status: response.statusCode ?? 0,
    header(name) {
      const value = response.headers[name]
      return Array.isArray(value) ? value.join(', ') : value
    },
    body: bodyOf(response),
    discard: () => response.destroy(),
  }
}

async function* bodyOf(response: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of response) yield chunk
  } catch (error) {
    throw new CallFailure('the connection broke in the middle of the answer', { cause: error })
  }
}

/** Largest answer that is taken into memory, bytes. */
const TEXT_BYTES = 2 ** 20

export async function textOf(reply: Reply): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of reply.body) {
    bytes += chunk.length
    if (bytes > TEXT_BYTES) {
      reply.discard()
      throw new CallFailure('the answer is too long')
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
