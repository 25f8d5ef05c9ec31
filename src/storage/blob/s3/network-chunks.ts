import { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { giveBack } from '../../../core/give-back.ts'

/**
 * Gives back what an answer leaves behind in memory while it is read. Node's parser copies each piece of a body out of
 * what came from the network, and both wait for the collector: tens of megabytes under a fast read. That they are copies
 * is looked at for every answer, before anything that came from the network is given back.
 */
export class NetworkChunks {
  readonly #fromNetwork = new WeakSet<ArrayBufferLike>()
  #areCopied: boolean | undefined
  #last: Uint8Array | undefined

  /** Of an answer of which nothing has been read. */
  constructor(answer: Readable) {
    if (!(answer instanceof IncomingMessage)) return
    const { socket } = answer
    const onData = (chunk: Uint8Array) => {
      // The parser's own listener came first: it is done with the chunk.
      if (this.#areCopied) giveBack(chunk)
      else this.#fromNetwork.add(chunk.buffer)
    }
    const stop = () => socket.off('data', onData)
    socket.on('data', onData)
    // At the end at the latest, in the same turn: the next answer on this connection has a parser of its own.
    for (const last of ['end', 'error', 'close']) answer.once(last, stop)
  }

  /** The next piece of the body; the one before is not read any more. */
  next(piece: Uint8Array): void {
    if (this.#last) giveBack(this.#last)
    this.#last = piece
    this.#areCopied ??= !this.#fromNetwork.has(piece.buffer)
  }
}
