import { createHash } from 'node:crypto'
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
  MAX_SEGMENTS,
  SEGMENT_HEADER_BYTES,
} from './esp32-layout.ts'

export interface Esp32Image {
  readonly kind: 'image'
  readonly chip: EspChip
  readonly entry: number
  readonly segments: readonly { readonly address: number; readonly offset: number; readonly length: number }[]
  /** From the application description. */
  readonly version: string
  readonly project: string
  readonly idfVersion: string
  /** The appended digest, lower-case hex: over everything before it, hence not the digest of the file. */
  readonly appendedSha256: string
}

export interface RefusedImage {
  readonly kind: 'refused'
  readonly region: 'header' | 'segments' | 'checksum' | 'hash' | 'description' | 'length'
  readonly reason: string
}

/** Checks an image as a boot loader does before it switches over; any single damaged byte is found. */
export function parseEsp32Image(bytes: Uint8Array): Esp32Image | RefusedImage {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.length < HEADER_BYTES) return refused('header', 'shorter than its header')
  if (view[0] !== IMAGE_MAGIC) return refused('header', `first byte 0x${view.subarray(0, 1).toString('hex')}`)
  const chip = chipOf(view.readUInt16LE(HEADER.chipId))
  if (chip === undefined) return refused('header', `unknown chip ${view.readUInt16LE(HEADER.chipId)}`)
  if (view[HEADER.hash] !== 1) return refused('header', 'no hash appended')

  const segments = segmentsOf(view)
  if ('kind' in segments) return segments
  const last = segments.at(-1)
  if (last === undefined) return refused('segments', 'none')

  const dataEnd = last.offset + last.length
  const hashAt = dataEnd + 16 - (dataEnd % 16)
  if (view.length !== hashAt + HASH_BYTES) return refused('length', `${view.length} bytes, not ${hashAt + HASH_BYTES}`)
  let checksum = CHECKSUM_SEED
  for (const { offset, length } of segments) checksum = checksumOf(view.subarray(offset, offset + length), checksum)
  if (view[hashAt - 1] !== checksum) return refused('checksum', `0x${checksum.toString(16)} computed`)
  const digest = createHash('sha256').update(view.subarray(0, hashAt)).digest('hex')
  const appendedSha256 = view.subarray(hashAt).toString('hex')
  if (digest !== appendedSha256) return refused('hash', `${digest} computed`)

  const first = segments[0]
  if (
    first === undefined ||
    first.length < DESCRIPTION_BYTES ||
    view.readUInt32LE(first.offset) !== DESCRIPTION_MAGIC
  ) {
    return refused('description', 'no application description')
  }
  const text = (field: { at: number; length: number }): string => {
    const raw = view.subarray(first.offset + field.at, first.offset + field.at + field.length)
    const end = raw.indexOf(0)
    return raw.subarray(0, end < 0 ? raw.length : end).toString('utf8')
  }
  return {
    kind: 'image',
    chip,
    entry: view.readUInt32LE(HEADER.entry),
    segments,
    version: text(DESCRIPTION.version),
    project: text(DESCRIPTION.project),
    idfVersion: text(DESCRIPTION.idfVersion),
    appendedSha256,
  }
}

function segmentsOf(view: Buffer): Esp32Image['segments'] | RefusedImage {
  const count = view[HEADER.segments] ?? 0
  if (count < 1 || count > MAX_SEGMENTS) return refused('segments', `${count} of them`)
  const segments: { address: number; offset: number; length: number }[] = []
  let at = HEADER_BYTES
  for (let index = 0; index < count; index += 1) {
    if (at + SEGMENT_HEADER_BYTES > view.length) return refused('segments', `segment ${index} starts past the end`)
    const length = view.readUInt32LE(at + 4)
    const offset = at + SEGMENT_HEADER_BYTES
    if (length % 4 !== 0 || offset + length > view.length)
      return refused('segments', `segment ${index}: ${length} bytes`)
    segments.push({ address: view.readUInt32LE(at), offset, length })
    at = offset + length
  }
  return segments
}

function chipOf(chipId: number): EspChip | undefined {
  const chips: readonly EspChip[] = ['esp32', 'esp32s2', 'esp32s3', 'esp32c3']
  return chips.find((chip) => CHIPS[chip].chipId === chipId)
}

function refused(region: RefusedImage['region'], reason: string): RefusedImage {
  return { kind: 'refused', region, reason }
}
