import { Agent, request } from 'node:http'

/** What a device of the native protocol was answered. */
export interface CallReply {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON the server answers is compared, not used
  readonly json: any
}

/** Calls of many devices to one server over kept-alive connections; rejects when a connection breaks. */
export class DeviceCalls {
  readonly #url: string
  readonly #agent: Agent

  constructor(url: string, connections: number) {
    this.#url = url
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections })
  }

  check(token: string, body: object): Promise<CallReply> {
    return this.#post('/device/v1/check', token, body)
  }

  report(token: string, reports: readonly object[]): Promise<CallReply> {
    return this.#post('/device/v1/reports', token, { reports })
  }

  close(): void {
    this.#agent.destroy()
  }

  #post(path: string, token: string, content: object): Promise<CallReply> {
    const { promise, resolve, reject } = Promise.withResolvers<CallReply>()
    const body = Buffer.from(JSON.stringify(content))
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'content-length': body.length,
    }
    const call = request(`${this.#url}${path}`, { method: 'POST', agent: this.#agent, headers }, (reply) => {
      const chunks: Buffer[] = []
      reply.on('data', (chunk: Buffer) => chunks.push(chunk))
      reply.on('error', reject)
      // A reply that is cut short is none.
      reply.on('close', () => reject(new Error('the connection broke in the middle of the reply')))
      reply.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        resolve({ status: reply.statusCode ?? 0, json: text === '' ? undefined : JSON.parse(text) })
      })
    })
    call.on('error', reject)
    call.end(body)
    return promise
  }
}
