import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { IdempotentReply } from '../core/access/access-store.ts'
import type { Serial } from '../core/common.ts'
import { invalid } from '../core/errors.ts'
import type { Ports, Stores } from '../core/ports.ts'
import { ApiError } from './errors.ts'

/** A key is remembered so long, seconds. */
export const IDEMPOTENCY_SECONDS = 86_400

export interface StoredReply {
  readonly status: number
  /** JSON text. */
  readonly body: string
}

/** One creating request that carries Idempotency-Key. */
export interface IdempotentRequest {
  readonly account: Serial
  readonly key: string
  readonly requestHash: string
}

/** undefined when the request carries no key. `content`: whatever of the body makes one request differ from another. */
export function idempotentRequest(
  request: FastifyRequest,
  by: { account: Serial; organisation: Serial | undefined },
  content: string,
): IdempotentRequest | undefined {
  const key = request.headers['idempotency-key']
  if (key === undefined) return undefined
  if (typeof key !== 'string' || !/^[\x21-\x7e]{1,128}$/.test(key))
    throw invalid('Idempotency-Key', 'must be 1 to 128 printable ASCII characters without space')
  const facts = JSON.stringify([request.method, request.url, by.organisation ?? null, content])
  return { account: by.account, key, requestHash: createHash('sha256').update(facts).digest('hex') }
}

/** Replies may show a new secret once, so they are kept sealed. */
const CONTEXT = 'idempotent-reply'

/** The remembered reply. Throws `idempotency-key-reused` when the key stands for another request. */
export async function recall(
  ports: Pick<Ports, 'clock' | 'secrets'>,
  stores: Stores,
  asked: IdempotentRequest,
): Promise<StoredReply | undefined> {
  const row = await stores.idempotency.find(asked.account, asked.key)
  if (!row || row.expiresAt <= ports.clock.now()) return undefined
  if (row.requestHash !== asked.requestHash)
    throw new ApiError('idempotency-key-reused', 'This Idempotency-Key was used for a different request.')
  return { status: row.status, body: ports.secrets.open(row.body, CONTEXT) }
}

/** Remembers a reply in the caller's transaction. Throws `conflict` when the key was used meanwhile. */
export async function remember(
  ports: Pick<Ports, 'clock' | 'secrets'>,
  stores: Stores,
  what: { asked: IdempotentRequest; reply: StoredReply },
): Promise<void> {
  const { asked, reply } = what
  const now = ports.clock.now()
  if (await stores.idempotency.find(asked.account, asked.key)) await stores.idempotency.deleteExpired(now + 1)
  const row: IdempotentReply = {
    ...asked,
    status: reply.status,
    body: ports.secrets.seal(reply.body, CONTEXT),
    expiresAt: now + IDEMPOTENCY_SECONDS * 1000,
  }
  await stores.idempotency.insert(row)
}
