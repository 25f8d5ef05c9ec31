/** What the generator is told to do; buffers and strings alone, since it lives in a process of its own. */
export type Job = RequestsJob | DownloadsJob

/** Where requests come from: a list that is gone through again and again, or reports that are each sent once. */
export type Source =
  | { readonly kind: 'list'; readonly requests: readonly Uint8Array[] }
  | { readonly kind: 'reports'; readonly devices: readonly ReportingDevice[]; readonly life: readonly string[] }

export interface ReportingDevice {
  readonly token: string
  /** Id of its open update. */
  readonly update: string
}

export interface RequestsJob {
  readonly kind: 'requests'
  readonly url: string
  readonly source: Source
  /** Number of the first request; a source of reports goes on where the last job stopped. */
  readonly from?: number
  /** Requests at most. */
  readonly limit?: number
  readonly connections: number
  readonly seconds: number
  /** A connection for every request, which the server closes. */
  readonly newConnections?: boolean
  /** Requests a second, each timed from the moment at which it was due; absent: as fast as answers come. */
  readonly rate?: number
}

export interface DownloadsJob {
  readonly kind: 'downloads'
  readonly url: string
  /** One client each, all at once. */
  readonly requests: readonly Uint8Array[]
}

export interface LoadResult {
  readonly requests: number
  readonly failures: number
  /** What the first failure was. */
  readonly firstFailure?: string
  /** Of all answers, heads included; of downloads the bodies alone. */
  readonly bytes: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** Processor time of the generator itself, seconds. */
  readonly generatorSeconds: number
}

/** The requests of a source by number. */
export function requestsOf(source: Source, host: string): (number: number) => Uint8Array {
  if (source.kind === 'list') {
    const { requests } = source
    return (number) => requests[number % requests.length] ?? new Uint8Array()
  }
  const { devices, life } = source
  return (number) => {
    const device = devices[number % devices.length]
    const turn = Math.floor(number / devices.length)
    const report = life[turn % life.length]
    if (device === undefined || report === undefined) throw new Error('a report needs a device')
    return Buffer.from(reportRequest(host, device, { id: `r${turn}`, report }), 'latin1')
  }
}

/** `report`: the inner members of a report as JSON, without braces. */
export function reportRequest(host: string, device: ReportingDevice, what: { id: string; report: string }): string {
  const body = `{"reports":[{"id":"${what.id}","update":"${device.update}",${what.report}}]}`
  return `POST /device/v1/reports HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${device.token}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
}
