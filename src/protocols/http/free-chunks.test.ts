import { expect, test } from 'vitest'
import { freeChunks } from './free-chunks.ts'

async function* from(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks
}

test('every chunk is whole while it is at its consumer, and gone afterwards', async () => {
  const chunks = [Uint8Array.of(1, 2), Uint8Array.of(3)]
  const seen: number[] = []
  for await (const chunk of freeChunks(from(chunks))) {
    await new Promise((resolve) => setImmediate(resolve))
    seen.push(...chunk)
  }
  expect(seen).toEqual([1, 2, 3])
  expect(chunks.map((chunk) => chunk.length)).toEqual([0, 0])
})

test('a part of a larger buffer is left alone', async () => {
  const whole = Uint8Array.of(1, 2, 3)
  for await (const chunk of freeChunks(from([whole.subarray(0, 2)]))) expect(chunk).toHaveLength(2)
  expect([...whole]).toEqual([1, 2, 3])
})

test('a chunk at which the consumer stops is not touched: something may still read it', async () => {
  const chunks = [Uint8Array.of(1)]
  for await (const _ of freeChunks(from(chunks))) break
  expect([...(chunks[0] ?? [])]).toEqual([1])
})
