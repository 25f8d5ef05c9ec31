import { createConnection, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import {
  type BodyFraming,
  framingOf,
  type HttpRequest,
  parseHead,
  type ReplyHead,
  requestBytes,
} from './http-message.ts'
import type { HttpTarget } from './http-target.ts'
import { SocketReader } from './socket-reader.ts'

export type WireFault =
  | 'connect'
  | 'head-timeout'
  | 'body-timeout'
  | 'closed-before-head'
  | 'short-body'
  | 'malformed-head'
  | 'malformed-body'
  | 'body-too-large'
  | 'stopped'

/** What went wrong on the wire, as a value: servers are allowed to be bad. */
export interface WireFailure {
  readonly kind: 'wire-failure'
  readonly fault: WireFault
  readonly detail: string
  /** Body bytes that arrived before it. */
  readonly bodyBytes: number
}

/** Takes body bytes as they arrive; answers false to stop reading. Nothing further is read while it works. */
export type BodySink = (chunk: Uint8Array) => boolean | Promise<boolean>

export interface BodyRead {
  readonly kind: 'body'
  readonly bytes: number
}

const MAX_HEAD_BYTES = 32 * 1024

/** One connection, driven by hand. It never follows a redirect, never retries and never throws for what a server does. */
export class HttpSocket {
  readonly #socket: Socket
  readonly #reader: SocketReader
  #lastWriteAt = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    this.#reader = new SocketReader(socket)
  }

  static open(target: HttpTarget, timeoutMs: number): Promise<HttpSocket | WireFailure> {
    return new Promise((resolve) => {
      const socket = connectionTo(target)
      const fail = (detail: string): void => {
        clearTimeout(timer)
        socket.destroy()
        resolve(failure('connect', detail))
      }
      const timer = setTimeout(() => fail(`no connection within ${timeoutMs} ms`), timeoutMs)
      const onError = (error: Error): void => fail(error.message)
      socket.once('error', onError)
      socket.once(target.secure ? 'secureConnect' : 'connect', () => {
        clearTimeout(timer)
        socket.off('error', onError)
        resolve(new HttpSocket(socket))
      })
    })
  }

  /** True once the server has ended its side. */
  get serverEnded(): boolean {
    return this.#reader.ended
  }

  /** Bytes that arrived and were read by nobody. */
  get unreadBytes(): number {
    return this.#reader.buffered
  }

  /** Waits for the server to end its side, without reading further; false when it has not within the time. */
  waitForServerEnd(timeoutMs: number): Promise<boolean> {
    return this.#reader.waitForEnd(timeoutMs)
  }

  send(request: HttpRequest): void {
    this.writeRaw(requestBytes(request))
  }

  /** Any bytes at all; a broken connection shows at the next read. */
  writeRaw(bytes: Uint8Array): void {
    this.#lastWriteAt = performance.now()
    if (!this.#socket.destroyed) this.#socket.write(bytes)
  }

  /** The time limit counts silence, as on small devices, not the whole. */
  async readHead(idleTimeoutMs: number): Promise<ReplyHead | WireFailure> {
    let firstByteAt: number | undefined
    for (;;) {
      const taken = this.#reader.takeThrough('\r\n\r\n')
      if (taken !== undefined) {
        const head = parseHead(taken, (firstByteAt ?? performance.now()) - this.#lastWriteAt)
        return head ?? failure('malformed-head', JSON.stringify(Buffer.from(taken).toString('latin1').slice(0, 80)))
      }
      if (this.#reader.buffered > MAX_HEAD_BYTES)
        return failure('malformed-head', `no end within ${MAX_HEAD_BYTES} bytes`)
      const more = await this.#reader.more(idleTimeoutMs)
      if (more === 'timeout') return failure('head-timeout', `silence for ${idleTimeoutMs} ms`)
      if (more === 'end') return failure('closed-before-head', this.#reader.endDetail)
      firstByteAt ??= performance.now()
    }
  }

  async readBody(framing: BodyFraming, sink: BodySink, idleTimeoutMs: number): Promise<BodyRead | WireFailure> {
    switch (framing.kind) {
      case 'none':
        return { kind: 'body', bytes: 0 }
      case 'length':
        return this.#readLength(framing.length, sink, idleTimeoutMs)
      case 'chunked':
        return this.#readChunked(sink, idleTimeoutMs)
      case 'until-close':
        return this.#readUntilClose(sink, idleTimeoutMs)
    }
  }

  /** Ends the connection from our side; harmless when it is gone. */
  close(): void {
    this.#socket.end()
    this.#socket.destroySoon()
  }

  /** Cuts the connection as a device that loses its power does. */
  cut(): void {
    this.#socket.destroy()
  }

  async #readLength(length: number, sink: BodySink, idleTimeoutMs: number): Promise<BodyRead | WireFailure> {
    let bytes = 0
    while (bytes < length) {
      const chunk = this.#reader.take(length - bytes)
      if (chunk !== undefined) {
        bytes += chunk.length
        if (!(await sink(chunk))) return failure('stopped', 'the reader wants no more', bytes)
        continue
      }
      const more = await this.#reader.more(idleTimeoutMs)
      if (more === 'timeout') return failure('body-timeout', `${bytes} of ${length} bytes, then silence`, bytes)
      if (more === 'end') return failure('short-body', `${bytes} of ${length} bytes, then the end`, bytes)
    }
    return { kind: 'body', bytes }
  }

  async #readUntilClose(sink: BodySink, idleTimeoutMs: number): Promise<BodyRead | WireFailure> {
    let bytes = 0
    for (;;) {
      const chunk = this.#reader.take(Number.POSITIVE_INFINITY)
      if (chunk !== undefined) {
        bytes += chunk.length
        if (!(await sink(chunk))) return failure('stopped', 'the reader wants no more', bytes)
        continue
      }
      const more = await this.#reader.more(idleTimeoutMs)
      if (more === 'timeout') return failure('body-timeout', `${bytes} bytes, then silence`, bytes)
      if (more === 'end') return { kind: 'body', bytes }
    }
  }

  async #readChunked(sink: BodySink, idleTimeoutMs: number): Promise<BodyRead | WireFailure> {
    let bytes = 0
    for (;;) {
      const line = await this.#readLine(idleTimeoutMs, bytes)
      if (typeof line !== 'string') return line
      const size = /^([0-9a-fA-F]{1,8})(?:;.*)?$/.exec(line)
      if (size === null) return failure('malformed-body', `chunk size ${JSON.stringify(line.slice(0, 40))}`, bytes)
      const length = Number.parseInt(size[1] ?? '', 16)
      if (length === 0) break
      const read = await this.#readLength(length, sink, idleTimeoutMs)
      if (read.kind !== 'body') return { ...read, bodyBytes: bytes + read.bodyBytes }
      bytes += length
      const rest = await this.#readLine(idleTimeoutMs, bytes)
      if (rest !== '')
        return typeof rest === 'string' ? failure('malformed-body', 'chunk without its end', bytes) : rest
    }
    for (;;) {
      const trailer = await this.#readLine(idleTimeoutMs, bytes)
      if (typeof trailer !== 'string') return trailer
      if (trailer === '') return { kind: 'body', bytes }
    }
  }

  async #readLine(idleTimeoutMs: number, bodyBytes: number): Promise<string | WireFailure> {
    for (;;) {
      const taken = this.#reader.takeThrough('\r\n')
      if (taken !== undefined) return Buffer.from(taken.subarray(0, -2)).toString('latin1')
      if (this.#reader.buffered > MAX_HEAD_BYTES) return failure('malformed-body', 'endless line', bodyBytes)
      const more = await this.#reader.more(idleTimeoutMs)
      if (more === 'timeout') return failure('body-timeout', 'silence inside the chunked coding', bodyBytes)
      if (more === 'end') return failure('short-body', 'the end inside the chunked coding', bodyBytes)
    }
  }
}

/** A reply with its body taken in whole or handed to a sink. */
export interface HttpReply {
  readonly kind: 'reply'
  readonly head: ReplyHead
  readonly framing: BodyFraming
  /** The collected body; empty when a sink took it. */
  readonly body: Uint8Array
  readonly bodyBytes: number
}

/** Chooses where a body goes once the head is known; undefined collects it. */
export type SinkFor = (head: ReplyHead, framing: BodyFraming) => BodySink | undefined

export interface ExchangeOptions {
  readonly headTimeoutMs: number
  readonly bodyTimeoutMs: number
  readonly sinkFor?: SinkFor
  /** Of a collected body; default 1 MiB. */
  readonly maxBodyBytes?: number
}

/** Sends one request and reads one reply; the connection stays open. */
export async function exchange(
  socket: HttpSocket,
  request: HttpRequest,
  options: ExchangeOptions,
): Promise<HttpReply | WireFailure> {
  socket.send(request)
  const head = await socket.readHead(options.headTimeoutMs)
  if ('kind' in head) return head
  const framing = framingOf(request.method, head)
  if (framing === undefined) return failure('malformed-head', 'contradictory framing headers')
  const chunks: Uint8Array[] = []
  let collected = 0
  const collect: BodySink = (chunk) => {
    chunks.push(chunk)
    collected += chunk.length
    return collected <= (options.maxBodyBytes ?? 1024 * 1024)
  }
  const sink = options.sinkFor?.(head, framing) ?? collect
  const read = await socket.readBody(framing, sink, options.bodyTimeoutMs)
  if (read.kind !== 'body') {
    return read.fault === 'stopped' && sink === collect ? { ...read, fault: 'body-too-large' } : read
  }
  return { kind: 'reply', head, framing, body: Buffer.concat(chunks), bodyBytes: read.bytes }
}

export function failure(fault: WireFault, detail: string, bodyBytes = 0): WireFailure {
  return { kind: 'wire-failure', fault, detail, bodyBytes }
}

function connectionTo(target: HttpTarget): Socket {
  // Half-open connections stay writable, so that a device can send into a connection that the server has ended.
  if (!target.secure)
    return createConnection({ host: target.host, port: target.port, allowHalfOpen: true, noDelay: true })
  return connectTls({
    host: target.host,
    port: target.port,
    ...(isIP(target.host) === 0 ? { servername: target.host } : {}),
    ...(target.tls?.ca === undefined ? {} : { ca: target.tls.ca }),
    rejectUnauthorized: target.tls?.verify !== false,
  })
}
