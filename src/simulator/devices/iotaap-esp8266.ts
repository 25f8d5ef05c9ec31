import { systemClock } from '../clock.ts'
import type { CommonDeviceOptions, Outcome, VirtualDevice } from '../device.ts'
import { type EventFeed, eventFeed } from '../event-feed.ts'
import { type Flash, MemoryFlash } from '../flash.ts'
import { paceOf } from '../pace.ts'
import { headerOf } from '../wire/http-message.ts'
import { exchange, HttpSocket } from '../wire/http-socket.ts'
import { type HttpTarget, httpTarget } from '../wire/http-target.ts'
import { EspBoard } from './esp-board.ts'
import { codeOf, downloadToFlash, type EspDownloadResult } from './esp-download.ts'
import { judgeEsp8266Download, UPDATE_CODE } from './esp-http-update.ts'
import { ESP_TIMEOUTS, type EspTimeouts, type IotaapIdentity } from './iotaap-esp32.ts'
import { judgeLatest, type LatestVerdict } from './iotaap-latest.ts'
import { esp8266DownloadRequest, esp8266LatestRequest } from './iotaap-wire.ts'

export interface IotaapEsp8266Options extends CommonDeviceOptions {
  readonly device: IotaapIdentity
  /** How the sketch learns of a version: its own latest request, the library's mode `version`, or not at all (always download). */
  readonly ask?: 'latest' | 'version' | 'nothing'
  readonly image?: Uint8Array
  readonly timeouts?: Partial<EspTimeouts>
}

export type ServerVersion =
  | { readonly kind: 'version'; readonly version: string }
  | { readonly kind: 'failed'; readonly code: number; readonly detail: string }

// A 4 MB board with the usual file system size.
const FREE_BYTES = 2_621_440
const CHIP_BYTES = 4_194_304

/** An ESP8266 with the stock update library: not a vendor board, served the same way [iotaap 4.6]. */
export class IotaapEsp8266 implements VirtualDevice {
  readonly protocol = 'iotaap-esp8266'
  readonly name: string
  readonly flash: Flash
  readonly #options: IotaapEsp8266Options
  readonly #target: HttpTarget
  readonly #board: EspBoard
  readonly #timeouts: EspTimeouts
  readonly #feed: EventFeed
  #version: string

  constructor(options: IotaapEsp8266Options) {
    this.#options = options
    this.name = options.name ?? options.device.id
    this.flash = options.flash ?? new MemoryFlash()
    this.#target = httpTarget(options.url, options.tls)
    this.#timeouts = { ...ESP_TIMEOUTS, ...options.timeouts }
    this.#version = options.version
    this.#feed = eventFeed(this.name, this.protocol, options.onEvent)
    this.#board = new EspBoard(
      {
        seed: options.device.id,
        version: options.version,
        freeSpace: FREE_BYTES,
        chipSize: CHIP_BYTES,
        sdkVersion: '2.2.2-dev(38a443e)',
        ...(options.image === undefined ? {} : { image: options.image }),
      },
      this.flash,
    )
  }

  get version(): string {
    return this.#version
  }

  /** The library's mode `version`: the head alone is read, the body is left. */
  async serverVersion(): Promise<ServerVersion> {
    const socket = await HttpSocket.open(this.#target, this.#timeouts.connectMs)
    if ('kind' in socket) return { kind: 'failed', code: codeOf(socket), detail: socket.detail }
    socket.send(this.#downloadRequest('version'))
    const head = await socket.readHead(this.#timeouts.downloadHeadMs)
    socket.close()
    if ('kind' in head) return { kind: 'failed', code: codeOf(head), detail: head.detail }
    const verdict = judgeEsp8266Download(head, Number.POSITIVE_INFINITY)
    if (head.status !== 200 && verdict.kind === 'failed') return verdict
    const version = headerOf(head, 'x-version')
    if (head.status !== 200 || version === undefined || version === '') {
      return { kind: 'failed', code: UPDATE_CODE.noVersion, detail: 'the server does not report a version' }
    }
    return { kind: 'version', version }
  }

  async run(): Promise<Outcome> {
    this.#feed.say('checking', this.#version)
    const verdict = await this.#ask()
    switch (verdict.kind) {
      case 'same':
        return this.#end('up-to-date', { code: 202, detail: 'no new updates' })
      case 'none':
        return this.#end('nothing', { code: 203, detail: 'no firmware available' })
      case 'failed':
        return this.#end('failed', verdict)
      case 'download':
        return this.#update(verdict.target)
    }
  }

  async #ask(): Promise<LatestVerdict> {
    if (this.#options.ask === 'nothing') return { kind: 'download', target: '?' }
    if (this.#options.ask === 'version') {
      const answer = await this.serverVersion()
      if (answer.kind === 'failed') return answer
      return answer.version === this.#version ? { kind: 'same' } : { kind: 'download', target: answer.version }
    }
    const socket = await HttpSocket.open(this.#target, this.#timeouts.connectMs)
    if ('kind' in socket) return judgeLatest(socket, this.#version)
    const path = `${this.#target.prefix}/v1/ota/device/latest/${this.#options.device.id}`
    const reply = await exchange(socket, esp8266LatestRequest(this.#target.hostHeader, path), {
      headTimeoutMs: this.#timeouts.latestHeadMs,
      bodyTimeoutMs: this.#timeouts.stallMs,
    })
    socket.close()
    return judgeLatest(reply, this.#version)
  }

  async #update(target: string): Promise<Outcome> {
    this.#feed.say('offered', this.#version, { target })
    let served: string | undefined
    const socket = await HttpSocket.open(this.#target, this.#timeouts.connectMs)
    if ('kind' in socket) return this.#end('failed', { code: codeOf(socket), detail: socket.detail })
    const result: EspDownloadResult = await downloadToFlash(socket, {
      request: this.#downloadRequest('sketch'),
      flash: this.flash,
      pace: paceOf(this.#options.clock ?? systemClock, this.#options.bytesPerSecond),
      judge: (head) => judgeEsp8266Download(head, FREE_BYTES),
      firstBytes: [0xe9, 0x1f], // [iotaap 4.6] an image, or one packed with gzip
      headTimeoutMs: this.#timeouts.downloadHeadMs,
      stallTimeoutMs: this.#timeouts.stallMs,
      onHead: (head) => {
        served = headerOf(head, 'x-version')
      },
      onProgress: (done, of) => this.#feed.progress(this.#version, target, { done, of }),
    })
    socket.close()
    if (result.kind === 'failed') return this.#end('failed', result, 1)
    if (result.kind === 'no-update') return this.#end('nothing', { code: 304, detail: 'no update' }, 1)
    this.#feed.say('installing', this.#version, { target })
    this.flash.activate()
    this.#version = target === '?' ? (served ?? this.#version) : target
    this.#feed.say('rebooted', this.#version, { target: this.#version })
    return this.#outcome({ kind: 'updated', detail: 'flashed' }, 1)
  }

  #downloadRequest(mode: 'sketch' | 'version') {
    const { id, token } = this.#options.device
    const path = `${this.#target.prefix}/v1/ota/device/download/${id}${token}`
    return esp8266DownloadRequest(this.#target.hostHeader, path, {
      facts: this.#board.facts(),
      chipId: this.#board.chipId,
      mode,
      version: this.#version,
    })
  }

  #end(
    kind: 'up-to-date' | 'nothing' | 'failed',
    end: { readonly code: number | string; readonly detail: string },
    downloads = 0,
  ): Outcome {
    this.#feed.say(kind, this.#version, { detail: `${end.detail} (${end.code})` })
    return this.#outcome({ kind, code: end.code, detail: end.detail }, downloads)
  }

  #outcome(end: Pick<Outcome, 'kind' | 'code' | 'detail'>, downloads: number): Outcome {
    const running = this.flash.running
    return {
      ...end,
      version: this.#version,
      ...(running === undefined ? {} : { sha256: running.sha256, size: running.size }),
      downloads,
    }
  }
}
