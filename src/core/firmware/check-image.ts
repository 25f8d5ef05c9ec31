import type { StagedBlob } from '../blobs.ts'

const ESP_MAGIC = 0xe9
/** Application slot of a board with 4 MB of flash, bytes. */
const ESP_SLOT_BYTES = 1_310_720

export interface ImageReport {
  /** Sentences; an image without findings has none. */
  readonly warnings: readonly string[]
}

/** Looks at an ESP application image before it is deployed: magic byte, size, and whether it contains its version. */
export async function checkEspImage(staged: StagedBlob, version: string): Promise<ImageReport> {
  const warnings: string[] = []
  if (staged.head[0] !== ESP_MAGIC) warnings.push('The first byte is not 0xE9: this is no ESP application image.')
  if (!(await staged.contains(version)))
    warnings.push(
      `The version "${version}" does not occur in the image; a device that compares it would update for ever.`,
    )
  if (staged.digests.size > ESP_SLOT_BYTES)
    warnings.push(`The image is larger than ${ESP_SLOT_BYTES} bytes, the slot of a board with 4 MB of flash.`)
  return { warnings }
}
