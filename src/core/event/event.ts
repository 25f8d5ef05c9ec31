import type { Id, Millis, Serial } from '../common.ts'

/** Who did it. */
export interface Actor {
  readonly kind: 'account' | 'access-key' | 'device' | 'system'
  readonly id: string
  readonly name: string
}

export const SYSTEM: Actor = { kind: 'system', id: '', name: 'godwit' }

/** What happened; written in the transaction of the change. */
export interface Event {
  readonly serial: Serial
  readonly id: Id
  readonly at: Millis
  /** null for events of the server itself. */
  readonly organisation: Serial | null
  /** `<subject>.<past participle>`, for example `device.created`. */
  readonly type: string
  readonly actor: Actor
  readonly subject: { readonly kind: string; readonly id: string }
  /** Facts: before, after, reasons. Never a secret. */
  readonly details: Readonly<Record<string, unknown>>
}
