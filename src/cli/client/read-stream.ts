/** One block of a stream of server-sent events. */
export interface StreamBlock {
  readonly id: string | undefined
  /** `message` unless named. */
  readonly event: string
  /** `` when the block has none: it only moves the position. */
  readonly data: string
}

/** Blocks as they come. Ends where the stream ends; a last block that is not whole is dropped. */
export async function* readStream(body: AsyncIterable<Uint8Array>): AsyncGenerator<StreamBlock> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const piece of body) {
    text += decoder.decode(piece, { stream: true })
    const blocks = text.split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) yield parse(block)
  }
}

function parse(block: string): StreamBlock {
  let id: string | undefined
  let event = 'message'
  const data: string[] = []
  for (const line of block.split('\n')) {
    const [, name, value = ''] = /^([a-z]+): ?(.*)$/.exec(line) ?? []
    if (name === 'id') id = value
    else if (name === 'event') event = value
    else if (name === 'data') data.push(value)
  }
  return { id, event, data: data.join('\n') }
}
