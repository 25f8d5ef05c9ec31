import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { DEFAULT_HTTP_LIMITS } from '../../src/protocols/http/limits.ts'
import { DeviceCalls } from '../support/device-calls.ts'
import { type SpawnedServer, spawnServer } from '../support/spawn-server.ts'

const TOKEN = 'a-token-for-the-one-device-that-behaves'
const FLEET = `organisations:
  - key: acme
    name: Acme
    products: [{ key: panel, name: Panel, modules: [{ key: main }] }]
    devices: [{ key: good, product: panel, credentials: { native: { token: "${TOKEN}" } } }]
`
const HEAD = `GET /healthz HTTP/1.1\r\nhost: slow\r\nx-slow: ${'a'.repeat(400)}`
/** Calls between two pauses of the device that behaves. */
const CALL_EVERY_MS = 20

export interface SlowFigures {
  /** Latency of the calls of a device that behaves, ms: before, and among the slow ones. */
  readonly before: { readonly p50: number; readonly p99: number }
  readonly among: { readonly p50: number; readonly p99: number }
  /** What the server's memory grew by, MB. */
  readonly grownMB: number
  /** How long the slow connections lasted, ms, from their first byte. */
  readonly lasted: { readonly shortest: number; readonly longest: number }
  /** How many were told why: 408. */
  readonly told: number
  readonly refusedCalls: number
}

/** So many connections that send one byte of their request a second, and one device that goes on polling. */
export async function slowConnections(count: number): Promise<SlowFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'godwit-slow-'))
  const data = join(folder, 'data')
  mkdirSync(data)
  writeFileSync(join(data, 'godwit.yaml'), 'native: { callsPerMinute: 1000000 }\nlog: warn\n')
  writeFileSync(join(folder, 'fleet.yaml'), FLEET)
  const server = await spawnServer({ data, args: ['--apply', join(folder, 'fleet.yaml')] })
  const calls = new DeviceCalls(server.url, 4)
  const sockets: Slow[] = []
  try {
    const before = await poll(calls, 2_000)
    const memory = memoryMB(server)
    const port = Number(new URL(server.url).port)
    // A few hundred at a time, so that none of them waits for its connection.
    while (sockets.length < count) {
      const batch = Array.from({ length: Math.min(250, count - sockets.length) }, () => Slow.open(port))
      sockets.push(...(await Promise.all(batch)))
    }
    let grownMB = 0
    const watching = setInterval(() => {
      grownMB = Math.max(grownMB, memoryMB(server) - memory)
    }, 500)
    const among = await poll(calls, DEFAULT_HTTP_LIMITS.headerTimeoutMs - 1_000)
    await Promise.all(sockets.map((socket) => socket.ended))
    clearInterval(watching)
    const after = await poll(calls, 1_000)
    const lasted = sockets.map(({ lastedMs }) => lastedMs)
    return {
      before: summary(before.latencies),
      among: summary(among.latencies),
      grownMB,
      lasted: { shortest: Math.min(...lasted), longest: Math.max(...lasted) },
      told: sockets.filter(({ answer }) => answer.startsWith('HTTP/1.1 408')).length,
      refusedCalls: before.refused + among.refused + after.refused,
    }
  } finally {
    for (const socket of sockets) socket.stop()
    calls.close()
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

class Slow {
  answer = ''
  lastedMs = 0
  readonly ended: Promise<void>
  readonly #socket: Socket
  readonly #beganAt = performance.now()
  readonly #timer: NodeJS.Timeout
  #sent = 1

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (chunk) => {
      this.answer += chunk
    })
    socket.on('error', () => undefined)
    socket.write(HEAD.slice(0, 1))
    this.#timer = setInterval(() => socket.write(HEAD.charAt(this.#sent++)), 1_000)
    this.ended = once(socket, 'close').then(() => {
      clearInterval(this.#timer)
      this.lastedMs = performance.now() - this.#beganAt
    })
  }

  static async open(port: number): Promise<Slow> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new Slow(socket)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#socket.destroy()
  }
}

async function poll(calls: DeviceCalls, forMs: number): Promise<{ latencies: number[]; refused: number }> {
  const latencies: number[] = []
  let refused = 0
  for (const until = performance.now() + forMs; performance.now() < until; ) {
    const began = performance.now()
    const { status } = await calls.check(TOKEN, { running: { main: '1' } })
    latencies.push(performance.now() - began)
    if (status !== 200) refused += 1
    await pause(CALL_EVERY_MS)
  }
  return { latencies, refused }
}

function summary(latencies: readonly number[]): { p50: number; p99: number } {
  const sorted = latencies.toSorted((a, b) => a - b)
  const at = (part: number) => sorted[Math.min(Math.floor(sorted.length * part), sorted.length - 1)] ?? 0
  return { p50: at(0.5), p99: at(0.99) }
}

function memoryMB({ pid }: SpawnedServer): number {
  const [, kib = '0'] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kib) / 1024
}
