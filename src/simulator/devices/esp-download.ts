import type { Flash } from '../flash.ts'
import type { Pace } from '../pace.ts'
import type { HttpRequest, ReplyHead } from '../wire/http-message.ts'
import type { HttpSocket, WireFailure } from '../wire/http-socket.ts'
import { type DownloadVerdict, UPDATE_CODE } from './esp-http-update.ts'

export interface EspDownload {
  readonly request: HttpRequest
  readonly flash: Flash
  readonly judge: (head: ReplyHead) => DownloadVerdict
  /** The first body byte must be one of these. */
  readonly firstBytes: readonly number[]
  readonly headTimeoutMs: number
  /** Real devices block for about 40 minutes; the simulator calls it blocked after this much silence. */
  readonly stallTimeoutMs: number
  readonly pace: Pace
  readonly onHead?: (head: ReplyHead) => void
  readonly onProgress?: (done: number, of: number) => void
}

export type EspDownloadResult =
  | { readonly kind: 'flashed' }
  | { readonly kind: 'no-update' }
  | {
      readonly kind: 'failed'
      readonly code: number | 'blocked' | 'sha256-mismatch'
      readonly detail: string
      /** The library's update stays begun, so that core 2.0.0 refuses further ones until a reboot. */
      readonly leftBegun?: boolean
    }

/** The update library of the ESP cores: one request, one head, the body straight into the spare slot. */
export async function downloadToFlash(socket: HttpSocket, download: EspDownload): Promise<EspDownloadResult> {
  socket.send(download.request)
  const head = await socket.readHead(download.headTimeoutMs)
  if ('kind' in head) return { kind: 'failed', code: codeOf(head), detail: head.detail }
  download.onHead?.(head)
  const verdict = download.judge(head)
  if (verdict.kind !== 'flash') return verdict
  return receive(socket, download, verdict)
}

async function receive(
  socket: HttpSocket,
  { flash, firstBytes, stallTimeoutMs, pace, onProgress }: EspDownload,
  verdict: Extract<DownloadVerdict, { kind: 'flash' }>,
): Promise<EspDownloadResult> {
  let refused: EspDownloadResult | undefined
  let first = true
  flash.begin()
  const read = await socket.readBody(
    { kind: 'length', length: verdict.length },
    async (chunk) => {
      if (first) refused = refusalOfStart(chunk, firstBytes, verdict.md5)
      first = false
      if (refused !== undefined) return false
      flash.write(chunk)
      onProgress?.(flash.written, verdict.length)
      await pace(chunk.length)
      return true
    },
    stallTimeoutMs,
  )
  if (refused !== undefined) return refused
  // [iotaap 4.3] [iotaap 4.5] a body shorter than its length blocks the device
  if (read.kind !== 'body') return { kind: 'failed', code: 'blocked', detail: read.detail }
  const facts = flash.staged()
  if (verdict.md5 !== undefined && verdict.md5 !== facts.md5) {
    return { kind: 'failed', code: UPDATE_CODE.md5Mismatch, detail: `MD5 ${facts.md5}, not ${verdict.md5}` }
  }
  if (verdict.sha256 !== undefined && verdict.sha256 !== facts.sha256) {
    return { kind: 'failed', code: 'sha256-mismatch', detail: `SHA-256 ${facts.sha256}, not ${verdict.sha256}` }
  }
  return { kind: 'flashed' }
}

function refusalOfStart(
  chunk: Uint8Array,
  firstBytes: readonly number[],
  md5: string | undefined,
): EspDownloadResult | undefined {
  const first = chunk[0] ?? -1
  if (!firstBytes.includes(first)) {
    return { kind: 'failed', code: UPDATE_CODE.wrongFirstByte, detail: `first byte 0x${first.toString(16)}` }
  }
  if (md5 !== undefined && md5.length !== 32) {
    return { kind: 'failed', code: UPDATE_CODE.faultyMd5, detail: `MD5 of ${md5.length} characters`, leftBegun: true }
  }
  return undefined
}

/** The client library's own code for a connection that gave no reply. */
export function codeOf(failure: WireFailure): number {
  if (failure.fault === 'connect') return UPDATE_CODE.connectionRefused
  if (failure.fault === 'head-timeout') return UPDATE_CODE.readTimeout
  return failure.fault === 'malformed-head' ? UPDATE_CODE.noHttpServer : UPDATE_CODE.connectionLost
}
