import { randomBytes } from 'node:crypto'
import type { Server } from 'node:tls'
import type { TicketKey, TicketKeys } from './ticket-keys.ts'

const IV_BYTES = 16
/** What OpenSSL is told: no key of ours, so a full handshake; good; good, and the client gets a new ticket. */
const [UNKNOWN, GOOD, RENEW] = [0, 1, 2] as const
const NOTHING = Buffer.alloc(16)

type Answer = readonly [verdict: number, hmac: Buffer, aes: Buffer, name: Buffer, iv: Buffer]

/** The part of Node's secure context that `Server#setTicketKeys` is made of; it alone allows for more keys than one. */
interface TicketContext {
  enableTicketKeyCallback?(): void
  onticketkeycallback?: (name: Buffer, iv: Buffer, isSealing: boolean) => Answer
}

/**
 * Seals and opens the session tickets of a server with these keys; again after each `setSecureContext`, which makes a new
 * context. Where a Node lacks the callback it falls back to the current key alone; answers whether it did not.
 */
export function useTicketKeys(server: Server, keys: TicketKeys): boolean {
  const { context } = (server as unknown as { _sharedCreds: { context: TicketContext } })._sharedCreds
  if (context.enableTicketKeyCallback === undefined) {
    const { name, hmac, aes } = keys.current()
    server.setTicketKeys(Buffer.concat([name, hmac.subarray(0, 16), aes]))
    return false
  }
  context.onticketkeycallback = (name, iv, isSealing) => {
    if (isSealing) return answer(GOOD, keys.current(), randomBytes(IV_BYTES))
    const found = keys.find(name)
    if (!found) return [UNKNOWN, NOTHING, NOTHING, NOTHING, NOTHING]
    return answer(found.isCurrent ? GOOD : RENEW, found.key, iv)
  }
  context.enableTicketKeyCallback()
  return true
}

function answer(verdict: number, { hmac, aes, name }: TicketKey, iv: Buffer): Answer {
  return [verdict, hmac, aes, name, iv]
}
