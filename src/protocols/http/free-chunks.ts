import { giveBack } from '../../core/give-back.ts'

/**
 * Passes chunks on and gives the memory of each back as soon as the next one is asked for. For consumers that keep
 * nothing of a chunk, and sources whose chunks are theirs alone.
 */
export async function* freeChunks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    yield chunk
    giveBack(chunk)
  }
}
