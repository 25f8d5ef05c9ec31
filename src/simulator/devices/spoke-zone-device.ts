import { systemClock } from '../clock.ts'
import type { CommonDeviceOptions, Outcome, VirtualDevice } from '../device.ts'
import { type EventFeed, eventFeed } from '../event-feed.ts'
import { type Flash, MemoryFlash } from '../flash.ts'
import { paceOf } from '../pace.ts'
import { DEFAULT_TIMEOUTS, HttpSession, type HttpTimeouts } from '../wire/http-session.ts'
import { httpTarget } from '../wire/http-target.ts'
import { type PieceRequest, type PieceResult, PieceTaker } from './ranged-download.ts'
import { SDK_RETRY_SCHEDULE_MS, SpokeZoneClient, type SpokeZoneCredentials } from './spoke-zone-client.ts'
import { highest, isNewer, type ListDialect, type ListedFile, parseList } from './spoke-zone-list.ts'

export interface SpokeZoneDeviceOptions extends CommonDeviceOptions {
  readonly credentials: SpokeZoneCredentials
  /** Key of the module that this device updates. */
  readonly module: string
  /** Continue a broken download by Range; default true. The vendor's SDK starts over. */
  readonly resume?: boolean
  /** Requests for one file before the device gives up; default 4. */
  readonly attempts?: number
  /** Drops the connection once when this many bytes are there, to see the download resumed. */
  readonly cutAt?: number
  /** Default: the SDK's 15, 30, 60 s. */
  readonly retryScheduleMs?: readonly number[]
  /** Log in before the first call, as the SDK does; default false. */
  readonly loginAtStart?: boolean
  readonly timeouts?: Partial<HttpTimeouts>
}

/** Where the two versions of the protocol differ for a device. */
export interface SpokeZoneApi {
  readonly protocol: 'spoke-zone' | 'spoke-zone-v1'
  readonly dialect: ListDialect
  listPath(module: string): string
  filePath(id: string): string
}

// [spoke-zone 3.A] [spoke-zone 3.B]
const V2: SpokeZoneApi = {
  protocol: 'spoke-zone',
  dialect: { id: 'id', version: 'version' },
  listPath: (module) => `/api/v2/ota-files?module=${encodeURIComponent(module)}&isActive=1`,
  filePath: (id) => `/api/v2/ota-files/${id}/file`,
}

type End = Pick<Outcome, 'kind' | 'detail'> & { readonly code?: number | string }

/** A display or gateway with HTTP code of its own: lists, picks the highest version itself, downloads, verifies. */
export class SpokeZoneDevice implements VirtualDevice {
  readonly name: string
  readonly flash: Flash
  readonly #options: SpokeZoneDeviceOptions
  readonly #api: SpokeZoneApi
  readonly #session: HttpSession
  readonly #client: SpokeZoneClient
  readonly #feed: EventFeed
  #version: string
  #downloads = 0
  #cutAt: number | undefined

  constructor(options: SpokeZoneDeviceOptions, api: SpokeZoneApi = V2) {
    this.#options = options
    this.#api = api
    this.name = options.name ?? options.credentials.cpuId ?? options.module
    this.flash = options.flash ?? new MemoryFlash()
    this.#version = options.version
    this.#cutAt = options.cutAt
    this.#session = new HttpSession(httpTarget(options.url, options.tls), { ...DEFAULT_TIMEOUTS, ...options.timeouts })
    this.#client = new SpokeZoneClient({
      credentials: options.credentials,
      session: this.#session,
      clock: options.clock ?? systemClock,
      retryScheduleMs: options.retryScheduleMs ?? SDK_RETRY_SCHEDULE_MS,
      loginAtStart: options.loginAtStart ?? false,
    })
    this.#feed = eventFeed(this.name, api.protocol, options.onEvent)
  }

  get protocol(): SpokeZoneApi['protocol'] {
    return this.#api.protocol
  }

  get version(): string {
    return this.#version
  }

  /** Renewals asked for so far. */
  get logins(): number {
    return this.#client.logins
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

  async #check(): Promise<End> {
    const reply = await this.#client.get(this.#api.listPath(this.#options.module))
    if (reply.kind === 'wire-failure') return failed(reply.fault, reply.detail)
    if (reply.head.status !== 200) return failed(reply.head.status, `list: status ${reply.head.status}`)
    const list = parseList(reply.body, this.#api.dialect)
    if (list.kind === 'malformed') return failed('bad-list', list.reason)
    const file = highest(list.files, this.#options.module)
    if (file === undefined) return { kind: 'nothing', detail: `no version among ${list.files.length} files` }
    if (!isNewer(file.version, this.#version)) return { kind: 'up-to-date', detail: `highest is ${file.version}` }
    this.#feed.say('offered', this.#version, { target: file.version })
    return this.#install(file)
  }

  async #install(file: ListedFile): Promise<End> {
    const downloaded = await this.#download(file)
    if (downloaded.kind !== 'taken') {
      return failed(downloaded.kind === 'refused' ? downloaded.code : 'broken', `download: ${downloaded.detail}`)
    }
    this.#feed.say('verifying', this.#version, { target: file.version })
    const facts = this.flash.staged()
    if (file.size !== undefined && file.size !== facts.size) {
      return failed('size-mismatch', `${facts.size} bytes, ${file.size} listed`)
    }
    if (file.sha256 !== undefined && file.sha256 !== facts.sha256) {
      return failed('sha256-mismatch', `${facts.sha256}, ${file.sha256} listed`)
    }
    this.#feed.say('installing', this.#version, { target: file.version })
    this.flash.activate()
    this.#version = file.version
    this.#feed.say('rebooted', this.#version, { target: file.version })
    return { kind: 'updated', detail: `file ${file.id}` }
  }

  async #download(file: ListedFile): Promise<PieceResult> {
    const attempts = this.#options.attempts ?? 4
    const resume = this.#options.resume !== false
    let total: number | undefined
    let etag: string | undefined
    let last: PieceResult = { kind: 'broken', detail: 'not tried' }
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const from = resume && etag !== undefined ? this.flash.written : 0
      // All bytes were there before the connection broke.
      if (from > 0 && from === total) return { kind: 'taken', done: true }
      const piece: PieceRequest = {
        from,
        total: from === 0 ? undefined : total,
        flash: this.flash,
        pace: paceOf(this.#options.clock ?? systemClock, this.#options.bytesPerSecond),
        ...(this.#cutAt === undefined ? {} : { cutAt: this.#cutAt }),
        onBytes: (of) => this.#feed.progress(this.#version, file.version, { done: this.flash.written, of }),
      }
      const taker = new PieceTaker(piece)
      this.#downloads += 1
      const headers = PieceTaker.rangeHeaders(piece, etag)
      last = taker.result(await this.#client.get(this.#api.filePath(file.id), headers, taker.sinkFor))
      if (last.kind !== 'broken') return last
      this.#cutAt = undefined
      total = taker.total
      etag = taker.etag ?? etag
    }
    return last
  }
}

function failed(code: number | string, detail: string): End {
  return { kind: 'failed', code, detail }
}
