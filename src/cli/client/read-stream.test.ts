import { expect, it } from 'vitest'
import { readStream, type StreamBlock } from './read-stream.ts'

async function blocksOf(...pieces: Uint8Array[]): Promise<StreamBlock[]> {
  async function* body() {
    yield* pieces
  }
  const blocks: StreamBlock[] = []
  for await (const block of readStream(body())) blocks.push(block)
  return blocks
}

const TEXT =
  'retry: 2000\nid: a\n\nid: b\ndata: {"ä":1}\n\n: still here\nid: c\n\nevent: end\ndata: {}\n\nid: d\ndata: cut'
const BLOCKS = [
  { id: 'a', event: 'message', data: '' },
  { id: 'b', event: 'message', data: '{"ä":1}' },
  { id: 'c', event: 'message', data: '' },
  { id: undefined, event: 'end', data: '{}' },
]

it('reads blocks, however their bytes are cut, and drops the last that is not whole', async () => {
  const bytes = Buffer.from(TEXT)
  expect(await blocksOf(bytes)).toEqual(BLOCKS)
  for (let at = 1; at < bytes.length; at += 1)
    expect(await blocksOf(bytes.subarray(0, at), bytes.subarray(at)), String(at)).toEqual(BLOCKS)
})
