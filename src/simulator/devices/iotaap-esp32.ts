import { systemClock } from '../clock.ts'
import type { CommonDeviceOptions, Outcome, VirtualDevice } from '../device.ts'
import { type EventFeed, eventFeed } from '../event-feed.ts'
import { type Flash, MemoryFlash } from '../flash.ts'
import { parseEsp32Image } from '../images/esp32-image.ts'
import { paceOf } from '../pace.ts'
import { headerOf, type ReplyHead } from '../wire/http-message.ts'
import { exchange, HttpSocket } from '../wire/http-socket.ts'
import { type HttpTarget, httpTarget } from '../wire/http-target.ts'
import { EspBoard } from './esp-board.ts'
import { codeOf, downloadToFlash, type EspDownloadResult } from './esp-download.ts'
import { judgeEsp32Download, UPDATE_CODE } from './esp-http-update.ts'
import { judgeLatest } from './iotaap-latest.ts'
import { type EspCore, esp32DownloadRequest, esp32LatestRequest, mqttPublish } from './iotaap-wire.ts'

export interface IotaapIdentity {
  readonly id: string
  readonly token: string
}

/** Milliseconds of silence until the device gives up. */
export interface EspTimeouts {
  readonly connectMs: number
  readonly latestHeadMs: number
  readonly downloadHeadMs: number
  readonly stallMs: number
}

// [iotaap 4.3] head within 5 s and 8 s; a stalled body was seen still blocking at 45 s
export const ESP_TIMEOUTS: EspTimeouts = {
  connectMs: 5_000,
  latestHeadMs: 5_000,
  downloadHeadMs: 8_000,
  stallMs: 45_000,
}

export interface IotaapEsp32Options extends CommonDeviceOptions {
  readonly device: IotaapIdentity
  /** Mode (a): only the group's paths are asked. */
  readonly group?: IotaapIdentity
  /** Default 2.0.0, the core that the contract was observed with. */
  readonly core?: EspCore
  readonly board?: '4MB' | '16MB'
  /** Topic root of the MQTT messages that may go down the wrong connection. */
  readonly mqttUser?: string
  /** The file that runs at first. */
  readonly image?: Uint8Array
  /** Default true: what is no bootable ESP32 image is refused as by the boot loader, and the version that runs is the compiled-in one. */
  readonly verifyImage?: boolean
  readonly timeouts?: Partial<EspTimeouts>
}

/**
 * What the device does with the connection of the latest reply:
 * `obey` closes it if the reply says so and otherwise acts as `poll`; the others are forced, whatever the reply says.
 * `poll` (b) downloads on the same connection, `triggered` (c) sends raw MQTT down it first,
 * `triggered-new-socket` (d) sends raw MQTT down it and downloads on a new one.
 */
export type IotaapMode = 'obey' | 'poll' | 'triggered' | 'triggered-new-socket'

export interface IotaapOutcome extends Outcome {
  /** Codes that the device publishes as update-response, in order. */
  readonly responses: readonly number[]
  /** Heads of the replies, in order. */
  readonly heads: readonly ReplyHead[]
}

interface Run {
  readonly mode: IotaapMode
  readonly responses: number[]
  readonly heads: ReplyHead[]
  downloads: number
}

/** An ESP32 with iotaap-os: one check as it happens at boot, by poll or after a trigger. */
export class IotaapEsp32 implements VirtualDevice {
  readonly protocol = 'iotaap'
  readonly name: string
  readonly flash: Flash
  readonly #options: IotaapEsp32Options
  readonly #target: HttpTarget
  readonly #board: EspBoard
  readonly #slotBytes: number
  readonly #core: EspCore
  readonly #timeouts: EspTimeouts
  readonly #feed: EventFeed
  #version: string
  #updateBegun = false

  constructor(options: IotaapEsp32Options) {
    this.#options = options
    this.name = options.name ?? options.device.id
    this.flash = options.flash ?? new MemoryFlash()
    this.#target = httpTarget(options.url, options.tls)
    this.#core = options.core ?? '2.0.0'
    this.#timeouts = { ...ESP_TIMEOUTS, ...options.timeouts }
    this.#version = options.version
    this.#feed = eventFeed(this.name, this.protocol, options.onEvent)
    const large = options.board === '16MB'
    // [iotaap 4.5] slot sizes of the two boards
    this.#slotBytes = large ? 6_553_600 : 1_310_720
    this.#board = new EspBoard(
      {
        seed: options.device.id,
        version: options.version,
        freeSpace: this.#slotBytes,
        chipSize: large ? 16_777_216 : 4_194_304,
        sdkVersion: this.#core === '3.x' ? 'v5.1.4' : 'v4.4.4',
        ...(options.image === undefined ? {} : { image: options.image }),
      },
      this.flash,
    )
  }

  get version(): string {
    return this.#version
  }

  /** Clears what a failed update left in the update library. */
  reboot(): void {
    this.#updateBegun = false
  }

  async run(options: { readonly mode?: IotaapMode } = {}): Promise<IotaapOutcome> {
    const run: Run = { mode: options.mode ?? 'obey', responses: [], heads: [], downloads: 0 }
    this.#feed.say('checking', this.#version)
    const opened = await HttpSocket.open(this.#target, this.#timeouts.connectMs)
    const reply = 'kind' in opened ? opened : await this.#askLatest(opened)
    if (reply.kind === 'reply') run.heads.push(reply.head)
    const socket = 'kind' in opened ? undefined : this.#keep(opened, run)
    const verdict = judgeLatest(reply, this.#version)
    switch (verdict.kind) {
      case 'same':
        this.#respond(run, 202, socket)
        return this.#end(run, 'up-to-date', { code: 202, detail: 'no new updates' })
      case 'none':
        this.#respond(run, 203, socket)
        return this.#end(run, 'nothing', { code: 203, detail: 'no firmware available' })
      case 'failed':
        this.#respond(run, 203, socket)
        return this.#end(run, 'failed', verdict)
      case 'download':
        return this.#update(run, verdict.target, socket)
    }
  }

  async #askLatest(socket: HttpSocket) {
    const { group, device } = this.#options
    const path = group === undefined ? `device/latest/${device.id}` : `group/latest/${group.id}`
    const request = esp32LatestRequest(this.#target.hostHeader, `${this.#target.prefix}/v1/ota/${path}`)
    return exchange(socket, request, {
      headTimeoutMs: this.#timeouts.latestHeadMs,
      bodyTimeoutMs: this.#timeouts.stallMs,
    })
  }

  /** The connection if it stays in use: MQTT and HTTP share one socket object, and the header decides, not our FIN. */
  #keep(socket: HttpSocket, run: Run): HttpSocket | undefined {
    const head = run.heads[0]
    if (run.mode !== 'obey' && head !== undefined) return socket
    // [iotaap 4.3] the client looks for the word in lower case
    const connection = head === undefined ? 'close' : (headerOf(head, 'connection') ?? '')
    const saysClose = connection.includes('close') && !connection.includes('keep-alive')
    if (!saysClose && head?.version !== 'HTTP/1.0') return socket
    socket.close()
    return undefined
  }

  /** Publishes an update-response; on a connection that is still HTTP's the bytes go to the wrong server. */
  #respond(run: Run, code: number, socket: HttpSocket | undefined): void {
    run.responses.push(code)
    if (socket === undefined) return
    if (run.mode === 'triggered' || run.mode === 'triggered-new-socket') {
      const topic = `/${this.#options.mqttUser ?? 'godwit01'}/devices/${this.#options.device.id}/update-response`
      socket.writeRaw(mqttPublish(topic, JSON.stringify({ code })))
    }
    if (code !== 201) socket.close()
  }

  async #update(run: Run, target: string, kept: HttpSocket | undefined): Promise<IotaapOutcome> {
    this.#feed.say('offered', this.#version, { target })
    this.#respond(run, 201, kept)
    const socket = await this.#downloadSocket(run, kept)
    const result =
      'kind' in socket ? failedBy(codeOf(socket), socket.detail) : await this.#download(run, target, socket)
    if (!('kind' in socket)) socket.close()
    switch (result.kind) {
      case 'failed':
        if (result.leftBegun === true && this.#core === '2.0.0') this.#updateBegun = true
        run.responses.push(203)
        return this.#end(run, 'failed', result)
      case 'no-update':
        run.responses.push(203)
        return this.#end(run, 'nothing', { code: 304, detail: 'no update' })
      case 'flashed':
        return this.#boot(run, target)
    }
  }

  async #downloadSocket(run: Run, kept: HttpSocket | undefined) {
    const reuse =
      kept !== undefined && run.mode !== 'triggered-new-socket' && (run.mode !== 'obey' || !kept.serverEnded)
    if (reuse) return kept
    kept?.close()
    return HttpSocket.open(this.#target, this.#timeouts.connectMs)
  }

  async #download(run: Run, target: string, socket: HttpSocket): Promise<EspDownloadResult> {
    if (this.#updateBegun) return failedBy(0, 'an update is still begun; reboot first')
    const { group, device } = this.#options
    const path =
      group === undefined ? `device/download/${device.id}${device.token}` : `group/download/${group.id}${group.token}`
    run.downloads += 1
    return downloadToFlash(socket, {
      request: esp32DownloadRequest(this.#target.hostHeader, `${this.#target.prefix}/v1/ota/${path}`, {
        facts: this.#board.facts(),
        core: this.#core,
      }),
      flash: this.flash,
      pace: paceOf(this.#options.clock ?? systemClock, this.#options.bytesPerSecond),
      judge: (head) => judgeEsp32Download(head, this.#slotBytes, this.#core),
      firstBytes: [0xe9],
      headTimeoutMs: this.#timeouts.downloadHeadMs,
      stallTimeoutMs: this.#timeouts.stallMs,
      onHead: (head) => run.heads.push(head),
      onProgress: (done, of) => this.#feed.progress(this.#version, target, { done, of }),
    })
  }

  #boot(run: Run, target: string): IotaapOutcome {
    this.#feed.say('verifying', this.#version, { target })
    const bytes = this.#options.verifyImage === false ? undefined : this.flash.stagedBytes()
    const image = bytes === undefined ? undefined : parseEsp32Image(bytes)
    if (image?.kind === 'refused') {
      run.responses.push(203)
      return this.#end(run, 'failed', {
        code: UPDATE_CODE.notBootable,
        detail: `not bootable: ${image.region}, ${image.reason}`,
      })
    }
    this.#feed.say('installing', this.#version, { target })
    this.flash.activate()
    this.#version = image?.version ?? target
    this.reboot()
    // [iotaap R4] what runs is the compiled-in version, whatever the server called it
    const detail = this.#version === target ? 'flashed' : `flashed ${target}, which calls itself ${this.#version}`
    this.#feed.say('rebooted', this.#version, { target, detail })
    return this.#outcome(run, { kind: 'updated', detail })
  }

  #end(
    run: Run,
    kind: 'up-to-date' | 'nothing' | 'failed',
    end: { code: number | string; detail: string },
  ): IotaapOutcome {
    this.#feed.say(kind, this.#version, { detail: `${end.detail} (${end.code})` })
    return this.#outcome(run, { kind, code: end.code, detail: end.detail })
  }

  #outcome(run: Run, end: Pick<Outcome, 'kind' | 'code' | 'detail'>): IotaapOutcome {
    const running = this.flash.running
    return {
      ...end,
      version: this.#version,
      ...(running === undefined ? {} : { sha256: running.sha256, size: running.size }),
      downloads: run.downloads,
      responses: run.responses,
      heads: run.heads,
    }
  }
}

function failedBy(code: number, detail: string): EspDownloadResult {
  return { kind: 'failed', code, detail }
}
