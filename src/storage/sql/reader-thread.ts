import { Worker } from 'node:worker_threads'
import { OtaError } from '../../core/errors.ts'
import type { ReaderReply, ReaderRequest, ReaderThreadData } from './reader-protocol.ts'
import type { Executor } from './session.ts'
import { storageFailed } from './sql-failure.ts'

type Pending = PromiseWithResolvers<unknown>

/**
 * Long reads in a thread of their own. The thread starts with the first query and keeps no process alive while it has
 * nothing to do. When it dies, its queries reject with `storage-failed` and the next one starts another thread.
 */
export class ReaderThread implements Executor {
  readonly #file: string
  readonly #pending = new Map<number, Pending>()
  #worker: Worker | undefined
  #lastId = 0
  #isClosed = false

  constructor(file: string) {
    this.#file = file
  }

  async all(sql: string, parameters: readonly unknown[]): Promise<unknown[]> {
    return (await this.#ask({ mode: 'all', sql, parameters })) as unknown[]
  }

  async first(sql: string, parameters: readonly unknown[]): Promise<unknown> {
    return this.#ask({ mode: 'first', sql, parameters })
  }

  run(): never {
    throw new OtaError('internal', 'Writes need an open transaction')
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const worker = this.#worker
    this.#lose(worker, 'The database is closed')
    await worker?.terminate()
  }

  #ask(query: Omit<ReaderRequest, 'id'>): Promise<unknown> {
    if (this.#isClosed) throw storageFailed('The database is closed')
    this.#worker ??= this.#start()
    this.#lastId += 1
    const pending = Promise.withResolvers<unknown>()
    this.#pending.set(this.#lastId, pending)
    this.#worker.ref()
    this.#worker.postMessage({ id: this.#lastId, ...query } satisfies ReaderRequest)
    return pending.promise
  }

  #start(): Worker {
    // From the sources Node strips the types; from the build there are none.
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    const worker = new Worker(new URL(`./reader-worker.${extension}`, import.meta.url), {
      workerData: { file: this.#file } satisfies ReaderThreadData,
      execArgv: [],
    })
    worker.on('message', (reply: ReaderReply) => this.#settle(reply))
    worker.on('error', (error) => this.#lose(worker, 'The reader thread failed', error))
    worker.on('exit', (code) => this.#lose(worker, `The reader thread ended with code ${code}`))
    return worker
  }

  #settle(reply: ReaderReply): void {
    const pending = this.#pending.get(reply.id)
    this.#pending.delete(reply.id)
    if (this.#pending.size === 0) this.#worker?.unref()
    if ('failure' in reply) pending?.reject(Object.assign(new Error(reply.failure.message), reply.failure))
    else pending?.resolve(reply.result)
  }

  #lose(worker: Worker | undefined, reason: string, cause?: unknown): void {
    if (worker === undefined || worker !== this.#worker) return
    this.#worker = undefined
    const lost = [...this.#pending.values()]
    this.#pending.clear()
    for (const pending of lost) pending.reject(storageFailed(reason, cause))
  }
}
