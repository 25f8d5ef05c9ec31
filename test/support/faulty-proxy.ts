import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { seededRandom } from '../../src/simulator/seeded-random.ts'

/** Ways in which a call to a store fails. */
export type Fault =
  | 'reset-before' // the connection is reset before the store hears of it
  | 'reset-within' // in the middle of the request's body
  | 'reset-after' // the store did it, and nobody hears the answer
  | 'cut-answer' // in the middle of the answer's body
  | 'error-500'
  | 'slow-down' // 503 SlowDown

const FAULTS: readonly Fault[] = ['reset-before', 'reset-within', 'reset-after', 'cut-answer', 'error-500', 'slow-down']

export interface FaultyProxy {
  readonly url: string
  /** Calls by how they went. */
  readonly counts: Map<Fault | 'good', number>
  /** The share of calls that fail from now on, 0 to 1, and in which ways. */
  fail(share: number, ways?: readonly Fault[]): void
  close(): Promise<void>
}

/** An HTTP proxy before a store that fails a share of the calls, the same ones for the same seed. */
export async function faultyProxy(target: string, seed: string): Promise<FaultyProxy> {
  const random = seededRandom(seed)
  const counts = new Map<Fault | 'good', number>()
  let share = 0
  let ways = FAULTS

  const server = createServer((incoming, outgoing) => {
    const fault = random.fraction() < share ? ways[random.integer(ways.length)] : undefined
    counts.set(fault ?? 'good', (counts.get(fault ?? 'good') ?? 0) + 1)
    incoming.on('error', () => undefined)
    outgoing.on('error', () => undefined)
    switch (fault) {
      case 'reset-before':
        return incoming.socket.resetAndDestroy()
      case 'error-500':
        return refuse(incoming, outgoing, { status: 500, code: 'InternalError' })
      case 'slow-down':
        return refuse(incoming, outgoing, { status: 503, code: 'SlowDown' })
      default:
        return forward(incoming, outgoing, { target, fault })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    counts,
    fail(newShare, newWays = FAULTS) {
      share = newShare
      ways = newWays
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function refuse(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { status, code }: { status: number; code: string },
) {
  incoming.resume()
  const body = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>a fault of the test</Message></Error>`
  outgoing.writeHead(status, { 'content-type': 'application/xml', 'content-length': body.length })
  outgoing.end(incoming.method === 'HEAD' ? undefined : body)
}

function forward(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { target, fault }: { target: string; fault: Fault | undefined },
): void {
  const reset = () => incoming.socket.resetAndDestroy()
  const { hostname, port } = new URL(target)
  const { method, url, headers } = incoming
  // The signature covers the Host header: it goes on as it came.
  const call = request({ hostname, port, method, path: url, headers, agent: false }, (answer) => {
    if (fault === 'reset-after') {
      answer.resume()
      answer.on('end', reset)
      return
    }
    outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
    if (fault !== 'cut-answer') return void answer.pipe(outgoing)
    const half = Number(answer.headers['content-length'] ?? 0) / 2
    let through = 0
    answer.on('data', (chunk: Buffer) => {
      through += chunk.length
      outgoing.write(chunk.subarray(0, Math.max(0, chunk.length - Math.max(0, through - half))))
      if (through >= half) setImmediate(reset)
    })
    answer.on('end', () => setImmediate(reset))
  })
  call.on('error', reset)
  outgoing.on('close', () => call.destroy())
  if (fault !== 'reset-within') return void incoming.pipe(call)
  const half = Number(headers['content-length'] ?? 0) / 2
  let through = 0
  incoming.on('data', (chunk: Buffer) => {
    through += chunk.length
    call.write(chunk)
    if (through > half) {
      call.destroy()
      reset()
    }
  })
  incoming.on('end', () => {
    call.destroy()
    reset()
  })
}
