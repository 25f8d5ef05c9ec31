import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder, removeFile, renameDurably, withFile } from './durable.ts'
import { CallFailure } from './failures.ts'
import type { Reply } from './http-call.ts'
import { refused, type Wire, type WorkModule } from './wire.ts'

export type Fetched = { readonly kind: 'there'; readonly file: string } | { readonly kind: 'mismatch' }

/** Files on disk by their hash. What is complete and verified ends in `.bin`; what is not, in `.part`. */
export class Downloads {
  readonly #folder: string
  readonly #wire: Wire

  constructor(stateFolder: string, wire: Wire) {
    this.#folder = join(stateFolder, 'downloads')
    this.#wire = wire
  }

  fileOf(module: WorkModule): string {
    return join(this.#folder, `${module.sha256}.bin`)
  }

  /**
   * Fetches what is missing of a file and verifies the whole of it, as it stands on disk. A wrong file is thrown away.
   * Rejects with `CallFailure` when the connection breaks: what came until then stays.
   */
  async fetch(
    module: WorkModule,
    options: { signal: AbortSignal; onPercent: (percent: number) => Promise<void> },
  ): Promise<Fetched> {
    await makeFolder(this.#folder)
    const file = this.fileOf(module)
    if (await isWhole(file, module)) return { kind: 'there', file }
    const part = join(this.#folder, `${module.sha256}.part`)
    const there = await sizeOf(part)
    if (there > module.size) await removeFile(part)
    else if (there < module.size || module.size === 0) await this.#append(part, module, options)
    if (!(await isWhole(part, module))) {
      await removeFile(part)
      return { kind: 'mismatch' }
    }
    await renameDurably(part, file)
    return { kind: 'there', file }
  }

  /** Removes everything but the files of these modules. */
  async keepOnly(modules: readonly WorkModule[]): Promise<void> {
    await makeFolder(this.#folder)
    const kept = new Set(modules.flatMap(({ sha256 }) => [`${sha256}.bin`, `${sha256}.part`]))
    for (const name of await readdir(this.#folder)) if (!kept.has(name)) await removeFile(join(this.#folder, name))
  }

  async #append(
    part: string,
    module: WorkModule,
    { signal, onPercent }: { signal: AbortSignal; onPercent: (percent: number) => Promise<void> },
  ): Promise<void> {
    const from = await sizeOf(part)
    const reply = await this.#wire.fetch(module.url, from, signal)
    if (reply.status !== 200 && reply.status !== 206) {
      reply.discard()
      throw refused('download', reply)
    }
    const start = startOf(reply, from)
    let at = start
    await withFile(await open(part, start === 0 ? 'w' : 'r+', 0o600), async (file) => {
      let told = -1
      for await (const chunk of reply.body) {
        if (at + chunk.length > module.size) {
          reply.discard()
          throw new CallFailure('more bytes than the file has')
        }
        await writeAll(file, chunk, at)
        at += chunk.length
        const percent = Math.floor((at * 100) / module.size)
        if (percent >= told + 10) {
          told = percent
          await onPercent(percent)
        }
      }
      await file.sync()
    })
    if (at < module.size) throw new CallFailure(`${at} of ${module.size} bytes, then the end`)
  }
}

/** Where the bytes of an answer begin; a server that sends the whole file after all is fine. */
function startOf(reply: Reply, asked: number): number {
  if (reply.status === 200) return 0
  const first = /^bytes (\d+)-/.exec(reply.header('content-range') ?? '')?.[1]
  if (Number(first) === asked) return asked
  reply.discard()
  throw new CallFailure(`the answer begins at ${first}, not at ${asked}`)
}

async function writeAll(file: FileHandle, chunk: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < chunk.length; )
    done += (await file.write(chunk, done, chunk.length - done, at + done)).bytesWritten
}

async function isWhole(path: string, { size, sha256 }: WorkModule): Promise<boolean> {
  if ((await sizeOf(path)) !== size) return false
  const hash = createHash('sha256')
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false
    throw error
  }
  return hash.digest('hex') === sha256
}

/** 0 where there is no file. */
async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch {
    return 0
  }
}
