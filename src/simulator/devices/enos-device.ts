import { systemClock } from '../clock.ts'
import type { CommonDeviceOptions, Outcome, VirtualDevice } from '../device.ts'
import { type EventFeed, eventFeed } from '../event-feed.ts'
import { type Flash, MemoryFlash } from '../flash.ts'
import { paceOf } from '../pace.ts'
import { DEFAULT_TIMEOUTS, HttpSession, type HttpTimeouts } from '../wire/http-session.ts'
import { httpTarget } from '../wire/http-target.ts'
import { type EnosAnswer, EnosBroker, type EnosOffer, type EnosPush, offerOf } from './enos-broker.ts'
import type { EnosDeviceIdentity } from './enos-signing.ts'
import { type PieceRequest, type PieceResult, PieceTaker } from './ranged-download.ts'

export interface EnosDeviceOptions extends CommonDeviceOptions {
  readonly device: EnosDeviceIdentity
  /** Ask by getversion when nothing was pushed; default true. */
  readonly pull?: boolean
  /** Bytes of one Range request; 0 asks for the whole file at once. Default 64 KiB. */
  readonly pieceBytes?: number
  /** Fetch the signed address first and download from there; default false. */
  readonly throughAddress?: boolean
  /** Default 300,000, the SDK's. */
  readonly lifetimeMs?: number
  /** Answer commands with upgrade_reply; default false. */
  readonly answersCommands?: boolean
  /** Fails every update at this step, to see how a server takes it. */
  readonly failsAt?: 'download' | 'verification' | 'writing'
  readonly timeouts?: Partial<HttpTimeouts>
}

export interface EnosOutcome extends Outcome {
  /** Commands that came on replies during this run, in order. */
  readonly pushes: readonly EnosPush[]
}

type End = Pick<Outcome, 'kind' | 'detail'> & { readonly code?: number | string }

// [enos 5.2] steps of a progress report that tell of a failure
const STEP = { download: -2, verification: -3, writing: -4 } as const

/** A device on the HTTP broker: informs, takes an offer by push or pull, downloads in pieces, verifies, reboots, informs. */
export class EnosDevice implements VirtualDevice {
  readonly protocol = 'enos'
  readonly name: string
  readonly flash: Flash
  readonly #options: EnosDeviceOptions
  readonly #session: HttpSession
  readonly #broker: EnosBroker
  readonly #feed: EventFeed
  #version: string
  #downloads = 0

  constructor(options: EnosDeviceOptions) {
    this.#options = options
    this.name = options.name ?? options.device.deviceKey
    this.flash = options.flash ?? new MemoryFlash()
    this.#version = options.version
    this.#feed = eventFeed(this.name, this.protocol, options.onEvent)
    const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts }
    this.#session = new HttpSession(httpTarget(options.url, options.tls), timeouts)
    this.#broker = new EnosBroker({
      device: options.device,
      session: this.#session,
      clock: options.clock ?? systemClock,
      lifetimeMs: options.lifetimeMs ?? 300_000,
      timeouts,
    })
  }

  get version(): string {
    return this.#version
  }

  async run(): Promise<EnosOutcome> {
    this.#downloads = 0
    this.#broker.pushes.length = 0
    this.#feed.say('checking', this.#version)
    const end = await this.#check().finally(() => this.#session.close())
    if (end.kind !== 'updated') this.#feed.say(end.kind, this.#version, { detail: end.detail })
    const running = this.flash.running
    return {
      ...end,
      version: this.#version,
      ...(running === undefined ? {} : { sha256: running.sha256, size: running.size }),
      downloads: this.#downloads,
      pushes: [...this.#broker.pushes],
    }
  }

  async #check(): Promise<End> {
    const informed = await this.#broker.publish('inform', { version: this.#version })
    if (informed.kind === 'failed') return failedBy('inform', informed)
    const push = this.#broker.pushes[0]
    if (push !== undefined) {
      if (this.#options.answersCommands === true) await this.#broker.replyToUpgrade(push)
      return this.#update(push.offer)
    }
    if (this.#options.pull === false) return { kind: 'nothing', detail: 'nothing pushed' }
    const offered = await this.#broker.publish('getversion', {})
    if (offered.kind === 'failed') return failedBy('getversion', offered)
    if (!Array.isArray(offered.data)) return { kind: 'failed', code: 'bad-reply', detail: 'getversion without a list' }
    const [first] = offered.data
    if (first === undefined) return { kind: 'nothing', detail: 'no version offered' }
    const offer = offerOf(first)
    if (offer === undefined) return { kind: 'failed', code: 'bad-reply', detail: 'an offer without its fields' }
    return this.#update(offer)
  }

  async #update(offer: EnosOffer): Promise<End> {
    const target = offer.version
    this.#feed.say('offered', this.#version, { target })
    if (target === this.#version) return { kind: 'up-to-date', detail: 'offered what already runs' }
    const begun = await this.#report(0, 'downloading')
    if (begun.kind === 'failed') return failedBy('progress', begun)

    const downloaded = this.#options.failsAt === 'download' ? lost : await this.#download(offer)
    if (downloaded.kind !== 'taken') return this.#fail('download', downloaded.detail)
    this.#feed.say('verifying', this.#version, { target })
    const wrong = this.#options.failsAt === 'verification' ? 'as told' : this.#wrongWith(offer)
    if (wrong !== undefined) return this.#fail('verification', wrong)
    const verified = await this.#report(90, 'verified')
    if (verified.kind === 'failed') return failedBy('progress', verified)
    this.#feed.say('installing', this.#version, { target })
    if (this.#options.failsAt === 'writing') return this.#fail('writing', 'as told')
    this.flash.activate()

    // The reboot loses the session; [enos 4] the new version is the only proof of success.
    this.#version = target
    this.#broker.forget()
    this.#session.close()
    this.#feed.say('rebooted', this.#version, { target })
    const informed = await this.#broker.publish('inform', { version: this.#version })
    return informed.kind === 'failed' ? failedBy('inform', informed) : { kind: 'updated', detail: 'informed' }
  }

  async #download(offer: EnosOffer): Promise<PieceResult> {
    const pieceBytes = this.#options.pieceBytes ?? 64 * 1024
    let fileUrl = offer.fileUrl
    if (this.#options.throughAddress === true) {
      const address = await this.#broker.downloadAddress(fileUrl)
      if (address.kind === 'failed') return { kind: 'refused', code: address.code, detail: address.detail }
      if (typeof address.data !== 'string') return { kind: 'refused', code: 'bad-reply', detail: 'no address' }
      fileUrl = address.data
    }
    let reported = 0
    for (let from = 0; ; from = this.flash.written) {
      const piece: PieceRequest = {
        from,
        ...(pieceBytes > 0 ? { to: Math.min(from + pieceBytes, offer.fileSize) - 1 } : {}),
        total: offer.fileSize,
        flash: this.flash,
        pace: paceOf(this.#options.clock ?? systemClock, this.#options.bytesPerSecond),
        onBytes: (of) => this.#feed.progress(this.#version, offer.version, { done: this.flash.written, of }),
      }
      const taker = new PieceTaker(piece)
      this.#downloads += 1
      const reply = await this.#broker.download(fileUrl, PieceTaker.rangeHeaders(piece, undefined), taker.sinkFor)
      const result = taker.result(reply)
      if (result.kind !== 'taken' || result.done) return result
      if (this.flash.written <= from) return { kind: 'refused', code: 'bad-range', detail: 'no further byte' }
      // Reports at about every quarter, the download being the first 80 of 100 steps.
      const step = Math.floor((this.flash.written * 80) / offer.fileSize)
      if (step - reported >= 20) {
        reported = step
        const answer = await this.#report(step, 'downloading')
        if (answer.kind === 'failed') return { kind: 'refused', code: answer.code, detail: answer.detail }
      }
    }
  }

  /** Undefined when size and digest are the offered ones; the digest is compared as text, in lower case. */
  #wrongWith(offer: EnosOffer): string | undefined {
    const facts = this.flash.staged()
    if (facts.size !== offer.fileSize) return `${facts.size} bytes, ${offer.fileSize} offered`
    if (offer.signMethod !== 'md5' && offer.signMethod !== 'sha256') return `signMethod ${offer.signMethod}`
    const digest = facts[offer.signMethod]
    return digest === offer.sign ? undefined : `${offer.signMethod} ${digest}, ${offer.sign} offered`
  }

  async #fail(at: keyof typeof STEP, detail: string): Promise<End> {
    await this.#report(STEP[at], detail)
    return { kind: 'failed', code: STEP[at], detail: `${at}: ${detail}` }
  }

  /** [enos 5.2] step is a string */
  #report(step: number, desc: string): Promise<EnosAnswer> {
    return this.#broker.publish('progress', { step: String(step), desc })
  }
}

const lost: PieceResult = { kind: 'broken', detail: 'as told' }

function failedBy(what: string, answer: Extract<EnosAnswer, { kind: 'failed' }>): End {
  return { kind: 'failed', code: answer.code, detail: `${what}: ${answer.detail}` }
}
