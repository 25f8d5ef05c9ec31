import { createHash, type Hash } from 'node:crypto'
import type { z } from 'zod'
import { afterImport, type PlannedRow } from '../core/device/device-import.ts'
import {
  type Confirming,
  changeOf,
  confirmationOf,
  isConfirmed,
  requireConfirmation,
} from '../core/rollout/preview/confirmation.ts'
import { previewStarts } from '../core/rollout/preview/preview-starts.ts'
import { Starts } from '../core/rollout/preview/starts.ts'
import type { confirmationView } from './confirm-starts.ts'
import type { OrganisationCall } from './route.ts'

interface ImportChange {
  readonly mode: 'all' | 'chunks'
  readonly onExisting: 'error' | 'skip' | 'update'
  readonly confirm: string | undefined
}

/**
 * What an import would start. Of one that is all or nothing the token stands for its very bytes; of one in chunks, whose
 * end is not known when its first chunk is written, for so many updates of each rollout.
 */
export class ImportStarts {
  readonly #call: OrganisationCall
  readonly #change: ImportChange
  readonly #content: Hash = createHash('sha256')
  /** To be confirmed: of the whole import, or of the chunks that were left out. */
  readonly #open = new Starts()
  /** Of the chunks that were written. */
  readonly #written = new Starts()

  constructor(call: OrganisationCall, change: ImportChange) {
    this.#call = call
    this.#change = change
  }

  /** Remembers the bytes as they pass. */
  async *read(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of bytes) {
      this.#content.update(piece)
      yield piece
    }
  }

  /** Adds what these rows would start. */
  async note(rows: readonly PlannedRow[]): Promise<void> {
    this.#open.merge(await this.#preview(rows))
  }

  /** Throws `confirmation-needed` unless all that was noted is confirmed. */
  require(): Promise<void> {
    return requireConfirmation(this.#call.core.deps, this.#confirming(this.#open), this.#change.confirm)
  }

  /** Whether a chunk may be written: it starts nothing, or no more than was confirmed. */
  async mayWrite(rows: readonly PlannedRow[]): Promise<boolean> {
    const starts = await this.#preview(rows)
    if (starts.devices === 0) return true
    const together = new Starts()
    together.merge(this.#written)
    together.merge(starts)
    const isFine = await isConfirmed(this.#call.core.deps, this.#confirming(together), this.#change.confirm)
    if (isFine) this.#written.merge(starts)
    else this.#open.merge(starts)
    return isFine
  }

  /** What is to be confirmed, for the report; null when nothing is. */
  async view(): Promise<z.output<typeof confirmationView> | null> {
    if (this.#open.devices === 0) return null
    return confirmationOf(this.#call.core.deps, this.#confirming(this.#open))
  }

  async #preview(rows: readonly PlannedRow[]): Promise<Starts> {
    if (this.#change.onExisting !== 'update') return new Starts()
    const { core, stores, context } = this.#call
    const changes = rows.flatMap((row) =>
      row.existing ? [{ before: row.existing, after: afterImport(row.existing, row) }] : [],
    )
    return previewStarts(core.deps, stores, changes, { styles: context.options.askStyles ?? {} })
  }

  #confirming(starts: Starts): Confirming {
    const { mode } = this.#change
    const content = mode === 'all' ? this.#content.copy().digest('base64url') : null
    const change = changeOf('devices.import', mode, content)
    return { organisations: [this.#call.organisation.serial], change, starts, isByCount: mode === 'chunks' }
  }
}
