import type { Core, Services } from '../core/create-core.ts'
import { isOtaError } from '../core/errors.ts'
import { joinTransaction } from '../core/join-transaction.ts'
import type { Stores } from '../core/ports.ts'
import { type IdempotentRequest, recall, remember, type StoredReply } from './idempotency.ts'
import type { Answer } from './route.ts'

export interface Change<T> {
  /** Absent without an idempotency key. */
  readonly asked: IdempotentRequest | undefined
  /** Of a good answer that names none. */
  readonly status: number
  readonly work: (within: { services: Services; stores: Stores }) => Promise<Answer<T>>
}

export type Changed<T> =
  | { readonly kind: 'done'; readonly answer: Answer<T> }
  /** The same request was done before; this is what it was answered. */
  | { readonly kind: 'replay'; readonly stored: StoredReply }

/**
 * Does the work and remembers its reply in one transaction, or finds the reply of the same request. Of many equal
 * requests at once, on whatever node, one does the work.
 */
export async function changeOnce<T>(core: Core, change: Change<T>): Promise<Changed<T>> {
  const { deps } = core
  const { asked } = change
  try {
    const { flush, ...changed } = await deps.storage.transaction(async (stores) => {
      const stored = asked && (await recall(deps, stores, asked))
      if (stored) return { kind: 'replay' as const, stored, flush: undefined }
      const joined = joinTransaction(deps, stores)
      const answer = await change.work({ stores, services: joined.services })
      if (asked) await remember(deps, stores, { asked, reply: storedReply(answer, change.status) })
      return { kind: 'done' as const, answer, flush: joined.flush }
    })
    flush?.()
    return changed
  } catch (error) {
    // Where transactions run side by side, a conflict may be the work of the same request a moment earlier.
    const stored = asked && isOtaError(error, 'conflict') ? await recall(deps, deps.storage.read, asked) : undefined
    if (stored) return { kind: 'replay', stored }
    throw error
  }
}

function storedReply(answer: Answer<unknown>, status: number): StoredReply {
  return { status: answer.status ?? status, body: JSON.stringify(answer.body ?? null) }
}
