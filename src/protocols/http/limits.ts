/** Named limits of the HTTP edge; each has a line in the configuration reference. Bytes, milliseconds or plain counts. */
export interface HttpLimits {
  /** Largest JSON or form body. */
  readonly jsonBodyBytes: number
  /** All header fields of a request together; more is answered 431. */
  readonly headerBytes: number
  /** From the first byte of a request to the end of its head; later is answered 408. */
  readonly headerTimeoutMs: number
  /** An idle keep-alive connection is closed after so long. */
  readonly keepAliveTimeoutMs: number
  /** An upload that delivers no byte for so long is given up. */
  readonly bodyIdleTimeoutMs: number
  /** A body of which fewer than so many bytes come in `bodyProgressMs` is refused, unless it is complete by then. */
  readonly bodyProgressBytes: number
  /** 0 = never. */
  readonly bodyProgressMs: number
  /** A download whose client takes no byte for so long is cut. */
  readonly downloadIdleTimeoutMs: number
  /** The longest that one download may last. */
  readonly downloadMaxDurationMs: number
  /** Of downloads that run at one time; more are told to come again. 0 = no limit. */
  readonly downloadsAtOnce: number
  /** All downloads together, bytes a second. 0 = no limit. */
  readonly egressBytesPerSecond: number
  /** One download, bytes a second. 0 = no limit. */
  readonly downloadBytesPerSecond: number
  /** Under a limit for all together, no download is begun that would get less, bytes a second. */
  readonly downloadMinBytesPerSecond: number
  /** A download whose client takes less than so many bytes in `downloadProgressMs` is cut. */
  readonly downloadProgressBytes: number
  /** 0 = never. */
  readonly downloadProgressMs: number
  /** A download that is refused for want of room may come again after so long, or half a minute more. */
  readonly downloadRetrySeconds: number
  /** Firmware files that many devices fetch are served from memory: all together, bytes; 0 = none. */
  readonly hotBytes: number
  /** Largest such file. */
  readonly hotFileBytes: number
  /** One that nobody fetches for so long is let go. */
  readonly hotIdleMs: number
  /** Connections at one time; more are refused by the listener. */
  readonly connections: number
  /** Ranges in one request; more and the header is ignored. */
  readonly ranges: number
  /** Largest firmware file that an upload may have. */
  readonly firmwareBytes: number
  /** Text parts of one multipart form. */
  readonly multipartFields: number
  /** File parts of one multipart form, wanted or not. */
  readonly multipartFiles: number
  /** One text part. */
  readonly multipartFieldBytes: number
  /** Header of one part. */
  readonly multipartHeaderBytes: number
  /** What is still read and thrown away of an upload that was refused, so that its sender gets to see the answer. */
  readonly discardBytes: number
  readonly discardMs: number
  /** A path parameter; longer is not found. */
  readonly pathParameterChars: number
  /** Streams of events at one time. */
  readonly eventStreams: number
  readonly eventStreamsPerOrganisation: number
  /** A stream of events in which nothing happens says so after so long. */
  readonly eventHeartbeatMs: number
  /** A stream of events whose reader takes no byte for so long is ended. */
  readonly eventStallMs: number
  /** Events that other processes recorded are seen so late at most. */
  readonly eventPollMs: number
}

export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  jsonBodyBytes: 2 ** 20,
  headerBytes: 16 * 1024,
  headerTimeoutMs: 10_000,
  keepAliveTimeoutMs: 75_000,
  bodyIdleTimeoutMs: 60_000,
  bodyProgressBytes: 4 * 1024,
  bodyProgressMs: 60_000,
  downloadIdleTimeoutMs: 60_000,
  downloadMaxDurationMs: 86_400_000,
  downloadsAtOnce: 10_000,
  egressBytesPerSecond: 0,
  downloadBytesPerSecond: 0,
  downloadMinBytesPerSecond: 16 * 1024,
  downloadProgressBytes: 4 * 1024,
  downloadProgressMs: 60_000,
  downloadRetrySeconds: 30,
  hotBytes: 32 * 2 ** 20,
  hotFileBytes: 4 * 2 ** 20,
  hotIdleMs: 300_000,
  connections: 65_536,
  ranges: 8,
  firmwareBytes: 2 ** 31 - 1,
  multipartFields: 32,
  multipartFiles: 8,
  multipartFieldBytes: 64 * 1024,
  multipartHeaderBytes: 8 * 1024,
  discardBytes: 64 * 2 ** 20,
  discardMs: 20_000,
  pathParameterChars: 1_024,
  eventStreams: 500,
  eventStreamsPerOrganisation: 50,
  eventHeartbeatMs: 15_000,
  eventStallMs: 30_000,
  eventPollMs: 1_000,
}
