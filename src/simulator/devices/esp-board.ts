import { createHash } from 'node:crypto'
import type { Flash } from '../flash.ts'
import { esp32Image } from '../images/esp32-image.ts'
import { seededRandom } from '../seeded-random.ts'
import type { SketchFacts } from './iotaap-wire.ts'

export interface EspBoardOptions {
  /** Decides the addresses and the factory image. */
  readonly seed: string
  readonly version: string
  /** The file that runs at first; default: a generated one. */
  readonly image?: Uint8Array
  readonly freeSpace: number
  readonly chipSize: number
  readonly sdkVersion: string
}

const FACTORY_IMAGE_BYTES = 16 * 1024

/** What a board knows about itself; the sketch's part follows the running slot. */
export class EspBoard {
  readonly chipId: string
  readonly #options: EspBoardOptions
  readonly #flash: Flash
  readonly #staMac: string
  readonly #apMac: string
  #sketch: { readonly of: string | undefined; readonly facts: SketchFacts } | undefined

  constructor(options: EspBoardOptions, flash: Flash) {
    this.#options = options
    this.#flash = flash
    const random = seededRandom(options.seed)
    const serial = random.integer(0xffffff)
    this.chipId = String(serial)
    this.#staMac = macOf(serial)
    this.#apMac = macOf(serial + 1)
  }

  /** Facts about the running sketch and the board, as the update library sends them. */
  facts(): SketchFacts {
    const running = this.#flash.running?.sha256
    if (this.#sketch === undefined || this.#sketch.of !== running) {
      this.#sketch = { of: running, facts: this.#read() }
    }
    return this.#sketch.facts
  }

  #read(): SketchFacts {
    const { freeSpace, chipSize, sdkVersion } = this.#options
    const board = { staMac: this.#staMac, apMac: this.#apMac, freeSpace, chipSize, sdkVersion }
    const kept = this.#flash.running
    const bytes = kept === undefined ? this.#factoryImage() : this.#flash.runningBytes()
    if (bytes === undefined && kept !== undefined) return { ...board, ...kept }
    const image = Buffer.from(bytes ?? [])
    return {
      ...board,
      size: image.length,
      md5: createHash('md5').update(image).digest('hex'),
      // [iotaap 4.4] the digest appended to the image, not the file's
      sha256: image.subarray(-32).toString('hex'),
    }
  }

  #factoryImage(): Uint8Array {
    const { image, version, seed } = this.#options
    // Fields of the description hold 31 bytes; a longer version runs all the same.
    const compiled = Buffer.from(version)
      .subarray(0, 31)
      .toString('latin1')
      .replaceAll(/[^ -~]/g, '?')
    return image ?? esp32Image({ version: compiled, size: FACTORY_IMAGE_BYTES, seed })
  }
}

function macOf(serial: number): string {
  const low = (serial & 0xffffff).toString(16).padStart(6, '0').toUpperCase()
  return `34:85:18:${low.slice(0, 2)}:${low.slice(2, 4)}:${low.slice(4)}`
}
