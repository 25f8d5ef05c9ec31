import { connect } from 'node:net'
import { Histogram } from './histogram.ts'
import type { DownloadsJob, LoadResult } from './job.ts'

/** Longest head of an answer. */
const HEAD_BYTES = 16_384

/** Fetches everything at once and throws the bytes away; each client ends with the last byte of its body. */
export async function runDownloads(job: DownloadsJob): Promise<Omit<LoadResult, 'generatorSeconds'>> {
  const times = new Histogram()
  const startedAt = performance.now()
  const outcomes = await Promise.allSettled(
    job.requests.map(async (request) => {
      const begunAt = performance.now()
      const bytes = await download(job.url, request)
      times.add(performance.now() - begunAt)
      return bytes
    }),
  )
  const bodies = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  const broken = outcomes.find((outcome) => outcome.status === 'rejected')
  return {
    requests: outcomes.length,
    failures: outcomes.length - bodies.length,
    ...(broken && { firstFailure: String(broken.reason) }),
    bytes: bodies.reduce((sum, one) => sum + one, 0),
    seconds: (performance.now() - startedAt) / 1000,
    p50Ms: times.percentile(0.5),
    p99Ms: times.percentile(0.99),
    maxMs: times.maxMs,
  }
}

/** Bytes of the body. One buffer takes all reads, since nobody looks at them. */
function download(url: string, request: Uint8Array): Promise<number> {
  const { hostname, port } = new URL(url)
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const buffer = Buffer.allocUnsafe(262_144)
  let head = ''
  let length: number | undefined
  let received = 0
  const socket = connect({
    host: hostname,
    port: Number(port),
    onread: {
      buffer,
      callback(count) {
        received += count
        if (length === undefined) readHead(count)
        if (length !== undefined && received >= length) finish(length)
        return true
      },
    },
  })
  socket.on('connect', () => socket.write(request))
  socket.on('error', reject)
  socket.on('close', () => reject(new Error(`the connection ended after ${received} of ${length ?? '?'} bytes`)))

  function readHead(count: number): void {
    head += buffer.toString('latin1', 0, count)
    const end = head.indexOf('\r\n\r\n')
    if (end < 0 && head.length < HEAD_BYTES) return
    const announced = /\r\ncontent-length: *(\d+)/i.exec(head.slice(0, end))?.[1]
    if (!head.startsWith('HTTP/1.1 200') || announced === undefined) {
      reject(new Error(`no file: ${head.slice(0, 300)}`))
      socket.destroy()
      return
    }
    received -= end + 4
    length = Number(announced)
  }

  function finish(bytes: number): void {
    resolve(bytes)
    socket.destroy()
  }

  return promise
}
