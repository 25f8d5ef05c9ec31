import { createHash } from 'node:crypto'
import { seededRandom } from '../seeded-random.ts'
import {
  CHECKSUM_SEED,
  CHIPS,
  checksumOf,
  DESCRIPTION,
  DESCRIPTION_BYTES,
  DESCRIPTION_MAGIC,
  type EspChip,
  HASH_BYTES,
  HEADER,
  HEADER_BYTES,
  IMAGE_MAGIC,
  PAGE_BYTES,
  SEGMENT_HEADER_BYTES,
} from './esp32-layout.ts'

export { type Esp32Image, parseEsp32Image, type RefusedImage } from './esp32-image-parser.ts'
export type { EspChip } from './esp32-layout.ts'

export interface Esp32ImageOptions {
  /** Compiled-in version, at most 31 bytes. */
  readonly version: string
  /** Project name, at most 31 bytes; default `godwit-demo`. */
  readonly project?: string
  /** Whole file; rounded down to a multiple of 16, at least 1 KiB; default 64 KiB. */
  readonly size?: number
  readonly chip?: EspChip
  /** Same options and seed, same bytes. Default: project and version. */
  readonly seed?: number | string
}

const SMALLEST_IMAGE = 1024

/**
 * A well-formed application image: extended header, four segments with the application description in the first,
 * padded checksum, appended SHA-256. The code in it is noise: everything short of running it succeeds.
 * Throws `RangeError` when a name does not fit its field.
 */
export function esp32Image(options: Esp32ImageOptions): Uint8Array {
  const { version, project = 'godwit-demo', chip = 'esp32' } = options
  const seed = options.seed ?? `${project} ${version}`
  const random = seededRandom(typeof seed === 'number' ? seed : `${seed} ${chip}`)
  const size = Math.floor(Math.max(options.size ?? 64 * 1024, SMALLEST_IMAGE) / 16) * 16
  const layout = CHIPS[chip]

  const dataBytes = size - HEADER_BYTES - 4 * SEGMENT_HEADER_BYTES - 16 - HASH_BYTES
  const share = (percent: number): number => Math.floor((dataBytes * percent) / 400) * 4
  const dromBytes = Math.max(share(20), DESCRIPTION_BYTES)
  const dramBytes = share(5)
  const iramBytes = share(10)
  const iromBytes = Math.floor((dataBytes - dromBytes - dramBytes - iramBytes) / 4) * 4

  const drom = random.bytes(dromBytes)
  drom.set(description(version, project, random.bytes(32)))
  const iromOffset = HEADER_BYTES + 4 * SEGMENT_HEADER_BYTES + dromBytes + dramBytes + iramBytes
  const segments: [address: number, data: Uint8Array][] = [
    [layout.drom + HEADER_BYTES + SEGMENT_HEADER_BYTES, drom],
    [layout.dram, random.bytes(dramBytes)],
    [layout.iram, random.bytes(iramBytes)],
    [layout.irom + (iromOffset % PAGE_BYTES), random.bytes(iromBytes)],
  ]
  return assemble(header(segments.length, layout.iram + 4, layout.chipId), segments)
}

function header(segments: number, entry: number, chipId: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES)
  bytes[0] = IMAGE_MAGIC
  bytes[HEADER.segments] = segments
  bytes[HEADER.spiMode] = 2 // DIO
  bytes[HEADER.spiSpeedAndSize] = 0x20 // 40 MHz, 4 MB
  bytes.writeUInt32LE(entry, HEADER.entry)
  bytes[HEADER.wpPin] = 0xee // disabled
  bytes.writeUInt16LE(chipId, HEADER.chipId)
  bytes.writeUInt16LE(0xffff, HEADER.maxRevision)
  bytes[HEADER.hash] = 1
  return bytes
}

function description(version: string, project: string, elfSha256: Uint8Array): Buffer {
  const bytes = Buffer.alloc(DESCRIPTION_BYTES)
  bytes.writeUInt32LE(DESCRIPTION_MAGIC, 0)
  const put = (field: { at: number; length: number }, text: string): void => {
    if (Buffer.byteLength(text) >= field.length) throw new RangeError(`does not fit ${field.length} bytes: ${text}`)
    bytes.write(text, field.at)
  }
  put(DESCRIPTION.version, version)
  put(DESCRIPTION.project, project)
  put(DESCRIPTION.time, '12:00:00')
  put(DESCRIPTION.date, 'Jan  1 2026')
  put(DESCRIPTION.idfVersion, 'v4.4.4')
  bytes.set(elfSha256, DESCRIPTION.elfSha256.at)
  return bytes
}

function assemble(head: Buffer, segments: readonly [address: number, data: Uint8Array][]): Uint8Array {
  const parts: Uint8Array[] = [head]
  let length = head.length
  let checksum = CHECKSUM_SEED
  for (const [address, data] of segments) {
    const segmentHeader = Buffer.alloc(SEGMENT_HEADER_BYTES)
    segmentHeader.writeUInt32LE(address, 0)
    segmentHeader.writeUInt32LE(data.length, 4)
    parts.push(segmentHeader, data)
    length += segmentHeader.length + data.length
    checksum = checksumOf(data, checksum)
  }
  // The checksum is the last byte of a 16-byte row; there is always room for it.
  const padding = Buffer.alloc(16 - (length % 16))
  padding[padding.length - 1] = checksum
  const image = Buffer.concat([...parts, padding])
  return new Uint8Array(Buffer.concat([image, createHash('sha256').update(image).digest()]))
}
