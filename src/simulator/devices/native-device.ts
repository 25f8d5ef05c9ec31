import { systemClock } from '../clock.ts'
import type { CommonDeviceOptions, Outcome, VirtualDevice } from '../device.ts'
import { type EventFeed, eventFeed } from '../event-feed.ts'
import { type Flash, MemoryFlash } from '../flash.ts'
import { paceOf } from '../pace.ts'
import { DEFAULT_TIMEOUTS, HttpSession, type HttpTimeouts } from '../wire/http-session.ts'
import { httpTarget, splitLink } from '../wire/http-target.ts'
import { type NativeAnswer, type NativeModule, NativeWire } from './native-wire.ts'
import { type PieceRequest, type PieceResult, PieceTaker } from './ranged-download.ts'

export interface NativeDeviceOptions extends CommonDeviceOptions {
  readonly token: string
  /** The one module of this device; default `main`. */
  readonly module?: string
  /** Requests for one file before the device gives up; default 4. */
  readonly attempts?: number
  /** Drops the connection once when this many bytes are there, to see the download resumed. */
  readonly cutAt?: number
  /** The new image fails its self-test, and the device goes back. */
  readonly rollsBack?: boolean
  /** Hints of the check. */
  readonly battery?: number
  readonly metered?: boolean
  readonly timeouts?: Partial<HttpTimeouts>
}

type End = Pick<Outcome, 'kind' | 'detail'> & { readonly code?: number | string }
type Update = NativeAnswer & { readonly action: 'update' }

/** A device of one module that speaks Godwit's own protocol: checks, resumes, verifies, reports, and proves what it runs. */
export class NativeDevice implements VirtualDevice {
  readonly name: string
  readonly protocol = 'native'
  readonly flash: Flash
  readonly #options: NativeDeviceOptions
  readonly #module: string
  readonly #session: HttpSession
  readonly #wire: NativeWire
  readonly #feed: EventFeed
  #version: string
  #downloads = 0
  #cutAt: number | undefined

  constructor(options: NativeDeviceOptions) {
    this.#options = options
    this.#module = options.module ?? 'main'
    this.name = options.name ?? this.#module
    this.flash = options.flash ?? new MemoryFlash()
    this.#version = options.version
    this.#cutAt = options.cutAt
    this.#session = new HttpSession(httpTarget(options.url, options.tls), { ...DEFAULT_TIMEOUTS, ...options.timeouts })
    this.#wire = new NativeWire(this.#session, options.token)
    this.#feed = eventFeed(this.name, this.protocol, options.onEvent)
  }

  get version(): string {
    return this.#version
  }

  async run(): Promise<Outcome> {
    this.#downloads = 0
    this.#feed.say('checking', this.#version)
    const end = await this.#check().finally(() => this.#session.close())
    if (end.kind !== 'updated') this.#feed.say(end.kind, this.#version, { detail: end.detail })
    const running = this.flash.running
    return {
      ...end,
      version: this.#version,
      ...(running === undefined ? {} : { sha256: running.sha256, size: running.size }),
      downloads: this.#downloads,
    }
  }

  get #running(): Record<string, string> {
    return { [this.#module]: this.#version }
  }

  async #check(): Promise<End> {
    const { battery, metered } = this.#options
    const result = await this.#wire.check({
      running: this.#running,
      ...(battery !== undefined && { battery }),
      ...(metered !== undefined && { metered }),
    })
    if (result.kind === 'failed') return result
    if (result.kind === 'unchanged') return { kind: 'nothing', detail: 'nothing changed' }
    const { answer } = result
    switch (answer.action) {
      case 'none':
        return { kind: answer.because === 'up-to-date' ? 'up-to-date' : 'nothing', detail: answer.because }
      case 'cancel':
        await this.#wire.report({ update: answer.update, state: 'cancelled' })
        return { kind: 'nothing', detail: 'cancelled' }
      case 'update':
        return this.#update(answer)
    }
  }

  async #update(update: Update): Promise<End> {
    const [file, ...others] = update.modules
    if (file === undefined || others.length > 0 || file.module !== this.#module)
      return this.#fail(update, 'other-module', `has no module but ${this.#module}`)
    this.#feed.say('offered', this.#version, { target: file.version })
    const downloaded = await this.#download(file)
    if (downloaded.kind !== 'taken') return this.#fail(update, downloaded.kind, `download: ${downloaded.detail}`)
    this.#feed.say('verifying', this.#version, { target: file.version })
    const facts = this.flash.staged()
    if (facts.size !== file.size) return this.#fail(update, 'size-mismatch', `${facts.size} bytes, not ${file.size}`)
    if (facts.sha256 !== file.sha256) return this.#fail(update, 'sha256-mismatch', `sha256 ${facts.sha256}`)
    await this.#wire.report({ update: update.update, state: 'downloaded' })
    return this.#install(update, file)
  }

  async #install(update: Update, file: NativeModule): Promise<End> {
    this.#feed.say('installing', this.#version, { target: file.version })
    await this.#wire.report({ update: update.update, state: 'installing', progress: 50 })
    if (this.#options.rollsBack) {
      await this.#wire.report({ update: update.update, state: 'rolled-back', reason: 'the self-test failed' })
      return { kind: 'failed', code: 'rolled-back', detail: 'the self-test failed' }
    }
    this.flash.activate()
    this.#version = file.version
    this.#feed.say('rebooted', this.#version, { target: file.version })
    const state = await this.#wire.report({ update: update.update, state: 'succeeded', running: this.#running })
    return { kind: 'updated', detail: `the server says ${state ?? 'nothing'}` }
  }

  async #fail(update: Update, code: string, detail: string): Promise<End> {
    await this.#wire.report({ update: update.update, state: 'failed', reason: detail })
    return { kind: 'failed', code, detail }
  }

  async #download(file: NativeModule): Promise<PieceResult> {
    const { path } = splitLink(file.url)
    let last: PieceResult = { kind: 'broken', detail: 'not tried' }
    this.flash.begin()
    for (let attempt = 0; attempt < (this.#options.attempts ?? 4); attempt += 1) {
      const from = this.flash.written
      // All bytes were there before the connection broke.
      if (from > 0 && from === file.size) return { kind: 'taken', done: true }
      const piece: PieceRequest = {
        from,
        total: from === 0 ? undefined : file.size,
        flash: this.flash,
        pace: paceOf(this.#options.clock ?? systemClock, this.#options.bytesPerSecond),
        ...(this.#cutAt === undefined ? {} : { cutAt: this.#cutAt }),
        onBytes: (of) => this.#feed.progress(this.#version, file.version, { done: this.flash.written, of }),
      }
      const taker = new PieceTaker(piece)
      this.#downloads += 1
      last = taker.result(await this.#wire.get(path, PieceTaker.rangeHeaders(piece, undefined), taker.sinkFor))
      if (last.kind !== 'broken') return last
      this.#cutAt = undefined
    }
    return last
  }
}
