import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Measured } from '../support/compare.ts'
import { downloadAll } from '../support/download.ts'
import { asBaseline, assertSameReply, rawReply } from '../support/raw-reply.ts'
import { type MeasuredServer, startServer } from '../support/server-process.ts'
import { medianAndSpread } from '../support/statistics.ts'
import { baseline, type Setting } from './setting.ts'

const CLIENTS = 8

/** Processor time per GB of 100 MB downloads, against a file stream piped into the answer. */
export async function compareDownloads({ fleet, server, rounds }: Setting): Promise<Measured> {
  const path = `/v1/ota/device/download/${fleet.iotaap.id}${fleet.iotaap.token}`
  const ours = await rawReply(server.url, path)
  const file = blobPath(fleet.data, createHash('sha256').update(ours.body).digest('hex'))
  const reply = asBaseline({ ...ours, body: Buffer.alloc(0) })
  const bare = await startServer([baseline('bare-pipe.mjs')], { BASELINE_REPLY: reply, BASELINE_FILE: file })
  try {
    assertSameReply(ours, await rawReply(bare.url, path))
    const costs: { ours: number; bare: number }[] = []
    for (let round = 0; round < rounds; round++)
      costs.push({ ours: await cpuPerGb(server, path), bare: await cpuPerGb(bare, path) })
    const ratio = medianAndSpread(costs.map((cost) => cost.ours / cost.bare))
    return {
      name: `Download 100 MB x ${CLIENTS}`,
      unit: 'CPU seconds per GB',
      ours: medianAndSpread(costs.map((cost) => cost.ours)).median,
      bare: medianAndSpread(costs.map((cost) => cost.bare)).median,
      ratio: ratio.median,
      spread: ratio.spread,
      aim: '<= 1.0',
      met: ratio.median <= 1,
      rssMb: server.rss() / 2 ** 20,
    }
  } finally {
    await bare.stop()
  }
}

async function cpuPerGb(server: MeasuredServer, path: string): Promise<number> {
  const before = server.cpuSeconds()
  const bytes = await downloadAll(server.url, path, CLIENTS)
  return (server.cpuSeconds() - before) / (bytes / 1e9)
}

/** Where the blob store keeps a body: both servers read the same file. */
function blobPath(data: string, sha256: string): string {
  return join(data, 'blobs', sha256.slice(0, 2), sha256.slice(2, 4), sha256)
}
