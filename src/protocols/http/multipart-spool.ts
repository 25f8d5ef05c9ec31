import multipart, { type MultipartFile } from '@fastify/multipart'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { StagedBlob } from '../../core/blobs.ts'
import { invalid } from '../../core/errors.ts'
import { discardRest, limitIdle, uploadError } from './request-body.ts'
import { limitsOf } from './request-limits.ts'

/** A part with a filename, while its bytes are coming in. */
export interface FilePart {
  readonly name: string
  /** As sent, last path segment only; may be empty. */
  readonly filename: string
  readonly contentType: string
  readonly bytes: AsyncIterable<Uint8Array>
}

export interface StagedFile {
  readonly filename: string
  readonly contentType: string
  readonly blob: StagedBlob
}

/** A form received whole. Each file must be committed or discarded; `discardAll` does the latter for all. */
export interface SpooledForm {
  /** Text parts by name; of a repeated name the first. */
  readonly fields: ReadonlyMap<string, string>
  /** Staged file parts by name; of a repeated name the first. */
  readonly files: ReadonlyMap<string, StagedFile>
  /** Safe to call after `commit`, so it can stand in a `finally`. */
  discardAll(): Promise<void>
}

export interface SpoolOptions {
  /** Names of the file parts that are wanted; others are read and thrown away. */
  readonly files: readonly string[]
  /** Stages one wanted file part: consumes `part.bytes` to the end or throws. */
  readonly stage: (part: FilePart) => Promise<StagedBlob>
  /** Unless given, the server's limits. */
  readonly maxFields?: number
  readonly maxFieldBytes?: number
  readonly idleTimeoutMs?: number
}

/** Lets a plugin take multipart bodies, which `spoolForm` then reads. Call it inside the protocol's own plugin. */
export async function acceptMultipart(host: FastifyInstance): Promise<void> {
  await host.register(multipart)
}

/**
 * Reads a multipart form, parts in any order: text parts (those without a filename) into memory, wanted files through
 * `stage`, bounded in count and size. A name counts once, by its first part, whether that is text or a file.
 * Throws `OtaError('invalid')` for a body that is not multipart, malformed, cut short or over the limits of text parts,
 * and whatever `stage` throws (`too-large`, ...) as it is. Everything staged is discarded then, and the rest of the body
 * is read and thrown away within limits, so that the sender sees the answer.
 */
export async function spoolForm(request: FastifyRequest, options: SpoolOptions): Promise<SpooledForm> {
  const limits = limitsOf(request.raw)
  const form = new Form({
    ...options,
    maxFields: options.maxFields ?? limits.multipartFields,
    maxFieldBytes: options.maxFieldBytes ?? limits.multipartFieldBytes,
  })
  const release = limitIdle(request.raw, options.idleTimeoutMs)
  try {
    for await (const part of partsOf(request, options.maxFields ?? limits.multipartFields)) await form.take(part)
  } catch (error) {
    await form.discardAll()
    throw error
  } finally {
    release()
    discardRest(request.raw)
  }
  return form
}

type FormOptions = SpoolOptions & { readonly maxFields: number; readonly maxFieldBytes: number }

class Form implements SpooledForm {
  readonly fields = new Map<string, string>()
  readonly files = new Map<string, StagedFile>()
  readonly #seen = new Set<string>()
  readonly #options: FormOptions

  constructor(options: FormOptions) {
    this.#options = options
  }

  async take(part: MultipartFile): Promise<void> {
    const { fieldname: name, filename, mimetype: contentType } = part
    const bytes = bytesOf(part)
    const isRepeated = this.#seen.has(name)
    this.#seen.add(name)
    if (isRepeated) await drained(bytes)
    else if (filename === undefined) await this.#takeText(name, bytes)
    else if (!this.#options.files.includes(name)) await drained(bytes)
    else
      this.files.set(name, {
        filename,
        contentType,
        blob: await this.#options.stage({ name, filename, contentType, bytes }),
      })
  }

  async #takeText(name: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    if (this.fields.size >= this.#options.maxFields) {
      throw invalid('body', 'too many text parts')
    }
    const limit = this.#options.maxFieldBytes
    const chunks: Uint8Array[] = []
    let size = 0
    for await (const chunk of bytes) {
      size += chunk.length
      if (size > limit) throw invalid(name, `longer than ${limit} bytes`)
      chunks.push(chunk)
    }
    this.fields.set(name, Buffer.concat(chunks).toString('utf8'))
  }

  async discardAll(): Promise<void> {
    await Promise.all([...this.files.values()].map((file) => file.blob.discard()))
  }
}

/** Every part as a stream: what is text and how long it may be is decided here, not by the parser. */
async function* partsOf(request: FastifyRequest, maxFields: number): AsyncGenerator<MultipartFile> {
  const { multipartFiles, multipartHeaderBytes } = limitsOf(request.raw)
  const parts = maxFields + multipartFiles
  const config = {
    isPartAFile: () => true,
    throwFileSizeLimit: false,
    limits: {
      parts,
      files: parts,
      fileSize: Number.POSITIVE_INFINITY,
      headerPairs: 32,
      headerSize: multipartHeaderBytes,
    },
  }
  const iterator = request.parts(config)
  while (true) {
    const next = await iterator.next().catch((error: unknown) => {
      throw uploadError(error)
    })
    if (next.done === true) return
    if (next.value.type === 'file') yield next.value
  }
}

async function* bytesOf(part: MultipartFile): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of part.file) yield chunk
  } catch (error) {
    throw uploadError(error)
  }
}

async function drained(bytes: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _chunk of bytes);
}
