import { S3_ENVIRONMENT, startS3Server } from '../../test/support/s3-server.ts'
import { type GodwitOptions, login, startGodwit } from '../support/godwit.ts'
import { removeFolder, temporaryFolder } from '../support/leftovers.ts'
import { ratioOf, sampleOf } from '../support/statistics.ts'
import { type Bench, inTurns, type Row } from './bench.ts'

const MIB = 2 ** 20
const BYTES = 1_000_000_000
/** A fleet of fewer devices is for trying things out. */
const REAL = 10_000

/** How much memory a server takes while a large firmware goes through it, above what it had before. */
export const s3Upload: Row = {
  name: 's3-upload',
  title: 'upload of 1 GB to S3: memory above idle',
  async run(bench) {
    const bytes = bench.options.devices < REAL ? BYTES / 50 : BYTES
    const s3 = await startS3Server()
    try {
      await upload(MIB, { blobs: s3.location('bench'), env: S3_ENVIRONMENT })
      const [ours = [], files = []] = await inTurns(roundsOf(bench), [
        () => upload(bytes, { blobs: s3.location('bench'), env: S3_ENVIRONMENT }),
        () => upload(bytes),
      ])
      const [a, b] = [ours.map(({ aboveIdle }) => aboveIdle), files.map(({ aboveIdle }) => aboveIdle)]
      return [
        {
          what: `upload of ${bytes / 1e6} MB to S3: memory above idle`,
          unit: 'MB',
          ours: sampleOf(a),
          baseline: { name: 'the same to the file system', value: sampleOf(b) },
          ratio: ratioOf(a, b),
          judged: 'ours',
          aim: { atMost: 64 },
          rssMb: sampleOf(ours.map(({ rss }) => rss)).median,
        },
      ]
    } finally {
      await s3.stop()
    }
  },
}

/** Each writes a gigabyte: the peak of memory needs no five of them. */
function roundsOf({ options }: Bench): number {
  return Math.min(3, options.rounds)
}

async function upload(
  bytes: number,
  place: Pick<GodwitOptions, 'blobs' | 'env'> = {},
): Promise<{ aboveIdle: number; rss: number }> {
  const data = temporaryFolder('upload')
  const server = await startGodwit({ data, ...place })
  try {
    const headers = await login(server.url)
    const api = `${server.url}/api/godwit/v1`
    await post(`${api}/organisations`, headers, JSON.stringify({ key: 'acme' }), 'application/json')
    await post(`${api}/products`, headers, JSON.stringify({ key: 'panel' }), 'application/json')
    const idle = server.rss()
    server.resetPeak()
    await post(`${api}/firmware?product=panel&version=1.0.0`, headers, chunks(bytes), 'application/octet-stream')
    return { aboveIdle: (server.peakRss() - idle) / MIB, rss: server.rss() / MIB }
  } finally {
    await server.stop()
    removeFolder(data)
  }
}

async function post(
  url: string,
  headers: Record<string, string>,
  body: string | ReadableStream<Uint8Array>,
  type: string,
): Promise<void> {
  const reply = await fetch(url, {
    method: 'POST',
    headers: { ...headers, 'content-type': type },
    body,
    duplex: 'half',
  })
  if (!reply.ok) throw new Error(`${url}: ${reply.status} ${await reply.text()}`)
}

/** Different bytes in every chunk, so that nothing can be stored once. */
function chunks(bytes: number): ReadableStream<Uint8Array> {
  let left = bytes
  return new ReadableStream({
    pull(controller) {
      const chunk = Buffer.alloc(Math.min(left, MIB), String(left))
      left -= chunk.length
      controller.enqueue(chunk)
      if (left === 0) controller.close()
    },
  })
}
