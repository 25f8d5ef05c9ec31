/** Chips whose application images are generated and read. */
export type EspChip = 'esp32' | 'esp32s2' | 'esp32s3' | 'esp32c3'

export interface ChipLayout {
  /** `esp_chip_id_t`. */
  readonly chipId: number
  /** Where the chip maps read-only data, RAM data, RAM code and flash code. */
  readonly drom: number
  readonly dram: number
  readonly iram: number
  readonly irom: number
}

export const CHIPS: Record<EspChip, ChipLayout> = {
  esp32: { chipId: 0, drom: 0x3f400000, dram: 0x3ffb0000, iram: 0x40080000, irom: 0x400d0000 },
  esp32s2: { chipId: 2, drom: 0x3f000000, dram: 0x3ffc0000, iram: 0x40028000, irom: 0x40080000 },
  esp32s3: { chipId: 9, drom: 0x3c000000, dram: 0x3fc90000, iram: 0x40378000, irom: 0x42000000 },
  esp32c3: { chipId: 5, drom: 0x3c000000, dram: 0x3fc88000, iram: 0x40380000, irom: 0x42000000 },
}

// `esp_image_header_t`: 8 basic bytes, 16 extended ones, little-endian.
export const IMAGE_MAGIC = 0xe9
export const HEADER_BYTES = 24
export const HEADER = {
  segments: 1,
  spiMode: 2,
  spiSpeedAndSize: 3,
  entry: 4,
  wpPin: 8,
  chipId: 12,
  maxRevision: 17,
  hash: 23,
}
export const SEGMENT_HEADER_BYTES = 8
export const MAX_SEGMENTS = 16
export const CHECKSUM_SEED = 0xef
export const HASH_BYTES = 32
/** Flash is mapped in pages of this size: a mapped segment's address and file offset agree within a page. */
export const PAGE_BYTES = 0x10000

// `esp_app_desc_t`, the first bytes of the first (read-only data) segment.
export const DESCRIPTION_MAGIC = 0xabcd5432
export const DESCRIPTION_BYTES = 256
export const DESCRIPTION = {
  version: { at: 16, length: 32 },
  project: { at: 48, length: 32 },
  time: { at: 80, length: 16 },
  date: { at: 96, length: 16 },
  idfVersion: { at: 112, length: 32 },
  elfSha256: { at: 144, length: 32 },
} as const

/** XOR over the data of all segments, from the fixed seed. */
export function checksumOf(data: Uint8Array, seed = CHECKSUM_SEED): number {
  let checksum = seed
  for (const byte of data) checksum ^= byte
  return checksum
}
