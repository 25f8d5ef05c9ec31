import { Counter, Gauge, type Registry } from 'prom-client'
import type { Downloads } from '../../protocols/http/downloads.ts'

/** What the memory in front of the blob store counts. */
export interface HotCounts {
  readonly hits: number
  readonly misses: number
  readonly evictions: number
  readonly bodies: number
  readonly bytes: number
}

/** Adds what downloads and the files in memory count; read when somebody looks, so that a download pays nothing. */
export function measureDownloads(registry: Registry, downloads: Downloads, hot?: () => HotCounts): void {
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(value())
      },
    })
  const counter = (name: string, help: string, value: () => number) =>
    new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        this.reset()
        this.inc(value())
      },
    })
  const { egress } = downloads
  gauge('godwit_downloads_running', 'Bodies on their way out', () => egress.counts.running)
  gauge('godwit_downloads_waiting', 'Of these, waiting for their share of the egress', () => egress.counts.waiting)
  counter('godwit_download_bytes_total', 'Bytes of bodies that the network has taken', () => egress.counts.bytes)
  counter('godwit_downloads_refused_total', 'Told to come again for want of room', () => egress.counts.refused)
  new Counter({
    name: 'godwit_downloads_total',
    help: 'Downloads by outcome',
    labelNames: ['outcome'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [outcome, count] of downloads.outcomes) this.inc({ outcome }, count)
    },
  })
  if (!hot) return
  gauge('godwit_hot_files', 'Firmware files in memory', () => hot().bodies)
  gauge('godwit_hot_bytes', 'Their bytes, those in use by downloads included', () => hot().bytes)
  counter('godwit_hot_hits_total', 'Downloads served from memory', () => hot().hits)
  counter('godwit_hot_misses_total', 'Downloads of files small enough that were not in memory', () => hot().misses)
  counter('godwit_hot_evictions_total', 'Files that gave way to others', () => hot().evictions)
}
