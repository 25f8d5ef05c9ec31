import type { Readable } from 'node:stream'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { isAbsent, isUnsupported, s3Failed } from './s3-failure.ts'
import type { S3Settings } from './s3-settings.ts'

/** An object as it stands now: the tag changes when it is replaced. */
export interface S3Object {
  readonly size: number
  readonly etag: string
}

/** An answer under way. `abort` ends it and its connection; safe to call at any time. */
export interface S3Body extends S3Object {
  readonly stream: Readable
  abort(): void
}

export interface S3Span {
  readonly start: number
  /** The last byte. */
  readonly end: number
}

export interface S3Upload {
  readonly key: string
  readonly id: string
}

export interface S3Part {
  readonly number: number
  readonly etag: string
}

const SECONDS = 1000

/**
 * The few verbs that a blob store needs of one bucket. Calls are tried again by the SDK, `attempts` times with growing
 * pauses, and end after `callTimeoutMs` at the latest. What fails then is `storage-failed`; keys include the prefix.
 */
export class S3Bucket {
  readonly #settings: S3Settings
  readonly #client: S3Client
  readonly #linker: S3Client

  constructor(settings: S3Settings) {
    this.#settings = settings
    this.#client = clientOf(settings, settings.endpoint)
    const linkEndpoint = settings.links?.endpoint ?? settings.endpoint
    this.#linker = linkEndpoint === settings.endpoint ? this.#client : clientOf(settings, linkEndpoint)
  }

  /** What stands under a key; undefined when nothing does. */
  async head(key: string): Promise<S3Object | undefined> {
    try {
      const reply = await this.#within((abortSignal) =>
        this.#client.send(new HeadObjectCommand(this.#at(key)), { abortSignal }),
      )
      return { size: reply.ContentLength ?? -1, etag: reply.ETag ?? '' }
    } catch (error) {
      if (isAbsent(error)) return undefined
      throw s3Failed('looking', error)
    }
  }

  /**
   * Begins to read an object, or a span of it; with `etag` only while it is the same. Resolves with the head of the
   * answer, undefined when there is no such object. The body may be taken at any pace.
   */
  async get(key: string, options: { span?: S3Span; etag?: string } = {}): Promise<S3Body | undefined> {
    const { span, etag } = options
    const controller = new AbortController()
    const timer = setTimeout(() => controller.abort(), this.#settings.limits.callTimeoutMs)
    try {
      const reply = await this.#client.send(
        new GetObjectCommand({
          ...this.#at(key),
          ...(span && { Range: `bytes=${span.start}-${span.end}` }),
          ...(etag !== undefined && { IfMatch: etag }),
        }),
        { abortSignal: controller.signal },
      )
      const stream = reply.Body as Readable
      // Whoever reads sees the error; one that comes while nobody does must not end the process.
      stream.on('error', () => undefined)
      const total = /\/(\d+)$/.exec(reply.ContentRange ?? '')?.[1]
      return {
        size: total === undefined ? (reply.ContentLength ?? -1) : Number(total),
        etag: reply.ETag ?? '',
        stream,
        abort: () => {
          stream.destroy()
          controller.abort()
        },
      }
    } catch (error) {
      if (isAbsent(error)) return undefined
      throw s3Failed('reading', error)
    } finally {
      clearTimeout(timer)
    }
  }

  /** Writes a small object in one call. */
  async put(key: string, bytes: Uint8Array): Promise<void> {
    await this.#try('writing', (abortSignal) =>
      this.#client.send(new PutObjectCommand({ ...this.#at(key), Body: bytes }), { abortSignal }),
    )
  }

  /** Begins an upload; nothing stands under the key before `complete`. */
  async begin(key: string): Promise<S3Upload> {
    const reply = await this.#try('uploading', (abortSignal) =>
      this.#client.send(
        new CreateMultipartUploadCommand({ ...this.#at(key), ContentType: 'application/octet-stream' }),
        { abortSignal },
      ),
    )
    return { key, id: reply.UploadId ?? '' }
  }

  /** Uploads one part; the server refuses bytes that do not hash to `md5` (base64). `bytes` must stay as they are. */
  async part(
    upload: S3Upload,
    part: { number: number; bytes: Uint8Array; md5: string },
    signal: AbortSignal,
  ): Promise<S3Part> {
    const command = new UploadPartCommand({
      ...this.#at(upload.key),
      UploadId: upload.id,
      PartNumber: part.number,
      Body: part.bytes,
      ContentMD5: part.md5,
    })
    const reply = await this.#try('uploading', (abortSignal) => this.#client.send(command, { abortSignal }), { signal })
    return { number: part.number, etag: reply.ETag ?? '' }
  }

  /** Makes the object of its parts, in one step. May have been done when it fails: an answer can be lost. */
  async complete(upload: S3Upload, parts: readonly S3Part[]): Promise<void> {
    const command = new CompleteMultipartUploadCommand({
      ...this.#at(upload.key),
      UploadId: upload.id,
      MultipartUpload: { Parts: parts.map(({ number, etag }) => ({ PartNumber: number, ETag: etag })) },
    })
    await this.#try('uploading', (abortSignal) => this.#client.send(command, { abortSignal }))
  }

  /** Forgets an upload and its parts. Never rejects: what stays is swept later. */
  async abort({ key, id }: S3Upload): Promise<void> {
    const command = new AbortMultipartUploadCommand({ ...this.#at(key), UploadId: id })
    await this.#within((abortSignal) => this.#client.send(command, { abortSignal })).catch(() => undefined)
  }

  async delete(key: string): Promise<void> {
    const { deleteTimeoutMs: limitMs } = this.#settings.limits
    await this.#try(
      'deleting',
      (abortSignal) => this.#client.send(new DeleteObjectCommand(this.#at(key)), { abortSignal }),
      { limitMs },
    )
  }

  /** Every key under the prefix and `under`, with when it was written (epoch ms). */
  async *list(under: string): AsyncGenerator<{ key: string; at: number }> {
    const { bucket, prefix } = this.#settings
    let token: string | undefined
    do {
      const page = { Bucket: bucket, Prefix: prefix + under, ...(token !== undefined && { ContinuationToken: token }) }
      const reply = await this.#try('listing', (abortSignal) =>
        this.#client.send(new ListObjectsV2Command(page), { abortSignal }),
      )
      for (const { Key, LastModified } of reply.Contents ?? [])
        if (Key !== undefined) yield { key: Key, at: LastModified?.getTime() ?? 0 }
      token = reply.NextContinuationToken
    } while (token !== undefined)
  }

  /** Uploads under the prefix that were begun and never ended; none where the server cannot say. */
  async *unfinished(under: string): AsyncGenerator<S3Upload & { at: number }> {
    const { bucket, prefix } = this.#settings
    let markers: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } = {}
    while (true) {
      const command = new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix + under, ...markers })
      const reply = await this.#within((abortSignal) => this.#client.send(command, { abortSignal })).catch((error) => {
        if (isUnsupported(error)) return undefined
        throw s3Failed('listing', error)
      })
      for (const { Key, UploadId, Initiated } of reply?.Uploads ?? [])
        if (Key !== undefined && UploadId !== undefined) yield { key: Key, id: UploadId, at: Initiated?.getTime() ?? 0 }
      if (!reply?.IsTruncated) return
      markers = { KeyMarker: reply.NextKeyMarker, UploadIdMarker: reply.NextUploadIdMarker }
    }
  }

  /** An address at which anybody can read the object for so long. */
  async link(key: string, seconds: number): Promise<string> {
    const command = new GetObjectCommand({
      ...this.#at(key),
      ResponseContentType: 'application/octet-stream',
      ResponseCacheControl: 'private, no-transform',
    })
    return getSignedUrl(this.#linker, command, { expiresIn: seconds }).catch((error) => {
      throw s3Failed('signing a link', error)
    })
  }

  #at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#settings.bucket, Key: key }
  }

  async #try<T>(
    doing: string,
    call: (signal: AbortSignal) => Promise<T>,
    options: { signal?: AbortSignal; limitMs?: number } = {},
  ): Promise<T> {
    try {
      return await this.#within(call, options)
    } catch (error) {
      throw s3Failed(doing, error)
    }
  }

  #within<T>(
    call: (signal: AbortSignal) => Promise<T>,
    options: { signal?: AbortSignal; limitMs?: number } = {},
  ): Promise<T> {
    const limit = AbortSignal.timeout(options.limitMs ?? this.#settings.limits.callTimeoutMs)
    return call(options.signal === undefined ? limit : AbortSignal.any([limit, options.signal]))
  }
}

function clientOf({ limits, region, pathStyle, credentials }: S3Settings, endpoint: string | undefined): S3Client {
  const agent = { keepAlive: true, maxSockets: limits.connections }
  return new S3Client({
    ...(endpoint !== undefined && { endpoint, region: region ?? 'us-east-1' }),
    ...(region !== undefined && { region }),
    ...(credentials && { credentials }),
    forcePathStyle: pathStyle,
    // Newer defaults wrap bodies in a framing that many S3 servers store as if it were content.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: limits.attempts,
    requestHandler: {
      connectionTimeout: limits.connectTimeoutMs,
      socketTimeout: limits.idleTimeoutMs,
      httpAgent: agent,
      httpsAgent: agent,
      // Downloads that wait for slow devices hold their connections; that is no fault to warn of.
      socketAcquisitionWarningTimeout: 60 * SECONDS,
    },
  })
}
