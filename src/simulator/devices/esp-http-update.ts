import type { ReplyHead } from '../wire/http-message.ts'
import { headerOf } from '../wire/http-message.ts'
import type { EspCore } from './iotaap-wire.ts'

/** Codes of the update libraries. */
export const UPDATE_CODE = {
  connectionRefused: -1,
  sendFailed: -2,
  connectionLost: -5,
  noHttpServer: -7,
  readTimeout: -11,
  tooLittleSpace: -100,
  noLength: -101,
  notFound: -102,
  forbidden: -103,
  wrongHttpCode: -104,
  faultyMd5: -105,
  wrongFirstByte: -106,
  unauthorized: -108,
  noVersion: -109,
  md5Mismatch: 7,
  notBootable: 9,
} as const

/** What the head of a download reply makes a device do, before the first byte of the body. */
export type DownloadVerdict =
  | { readonly kind: 'flash'; readonly length: number; readonly md5?: string; readonly sha256?: string }
  | { readonly kind: 'no-update' }
  | { readonly kind: 'failed'; readonly code: number; readonly detail: string }

/** The head's part of the download table of [iotaap 4.5], for ESP32 cores. */
export function judgeEsp32Download(head: ReplyHead, slotBytes: number, core: EspCore): DownloadVerdict {
  if (head.status === 304 || (head.status === 204 && core === '3.x')) return { kind: 'no-update' }
  const refused = refusalOf(head.status)
  if (refused !== undefined) return refused
  const length = lengthOf(head)
  if (length === undefined || length === 0) return failed(UPDATE_CODE.noLength, 'the server does not report a size')
  if (length > slotBytes) return failed(UPDATE_CODE.tooLittleSpace, `${length} bytes for a slot of ${slotBytes}`)
  const md5 = headerOf(head, 'x-md5')
  const sha256 = core === '3.x' ? headerOf(head, 'x-sha256') : undefined
  return {
    kind: 'flash',
    length,
    // Quirk: core 2.0.0 compares the text as sent, so that an upper-case digest fails after the whole download.
    ...(md5 === undefined || md5 === '' ? {} : { md5: core === '2.0.0' ? md5 : md5.toLowerCase() }),
    ...(sha256 === undefined || sha256 === '' ? {} : { sha256: sha256.toLowerCase() }),
  }
}

// [iotaap 4.6]
export function judgeEsp8266Download(head: ReplyHead, freeBytes: number): DownloadVerdict {
  if (head.status === 304) return { kind: 'no-update' }
  if (head.status === 401) return failed(UPDATE_CODE.unauthorized, 'unauthorized')
  const refused = refusalOf(head.status)
  if (refused !== undefined) return refused
  const length = lengthOf(head)
  if (length === undefined || length === 0) return failed(UPDATE_CODE.noLength, 'the server does not report a size')
  if (length > freeBytes) return failed(UPDATE_CODE.tooLittleSpace, `${length} bytes for ${freeBytes} free ones`)
  const md5 = headerOf(head, 'x-md5')
  return { kind: 'flash', length, ...(md5 === undefined || md5 === '' ? {} : { md5: md5.toLowerCase() }) }
}

function refusalOf(status: number): DownloadVerdict | undefined {
  if (status === 200) return undefined
  if (status === 404) return failed(UPDATE_CODE.notFound, 'file not found')
  if (status === 403) return failed(UPDATE_CODE.forbidden, 'forbidden')
  return failed(UPDATE_CODE.wrongHttpCode, `status ${status}`)
}

/** A coded body has no size for these clients, whatever else the head says. */
function lengthOf(head: ReplyHead): number | undefined {
  if (headerOf(head, 'transfer-encoding') !== undefined) return undefined
  const text = headerOf(head, 'content-length')
  return text !== undefined && /^[0-9]+$/.test(text) ? Number(text) : undefined
}

function failed(code: number, detail: string): DownloadVerdict {
  return { kind: 'failed', code, detail }
}
