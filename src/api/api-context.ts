import type { DeviceFacts } from '../core/device/device-facts.ts'
import type { AskStyle } from '../core/device-gateway.ts'
import type { WebhookSender } from '../core/webhook/webhook-sender.ts'
import type { ProtocolHost } from '../protocols/http/protocol.ts'
import type { EventStreams } from './event-stream/event-streams.ts'

/** Makes the token by which a device proves itself over one protocol. */
export type TokenIssuer = (facts: DeviceFacts) => Promise<string>

export interface ApiOptions {
  /** Of the server, for the reference. */
  readonly version: string
  /** By credential scheme; protocols whose devices carry a signed token. */
  readonly tokenIssuers: Readonly<Record<string, TokenIssuer>>
  /** How each protocol's devices ask, by credential scheme: `explain` asks as they do. */
  readonly askStyles?: Readonly<Record<string, AskStyle>>
  /** Sends test deliveries; absent: none can be sent. */
  readonly webhooks?: WebhookSender
  /** How long the token of a login lives, seconds; default 12 hours. */
  readonly loginSeconds?: number
  /** Replies are checked against their schemas and a mismatch is a 500: for tests. */
  readonly checkReplies?: boolean
}

/** What the routes share. */
export interface ApiContext {
  readonly host: ProtocolHost
  readonly options: ApiOptions
  /** One import at a time: it holds its whole file. */
  readonly imports: { isRunning: boolean }
  readonly streams: EventStreams
}

export const API_BASE = '/api/godwit/v1'

export const LOGIN_SECONDS = 12 * 3600
