/** Small enough for the network's own buffers to take it at once, whatever the line. */
export const FIRST_CHUNK = 32 * 1024
const SMALLEST = 4 * 1024
const QUICK_MS = 100
const SLOW_MS = 1_000

/**
 * How many bytes to write next, after `bytes` were taken within `ms`. Larger pieces cost less; but a slow client must be
 * seen to move, so it gets about a second's worth at a time.
 */
export function nextChunk(bytes: number, ms: number): number {
  if (ms <= QUICK_MS) return bytes * 2
  if (ms <= SLOW_MS) return bytes
  return Math.max(SMALLEST, Math.floor((bytes * SLOW_MS) / ms))
}
