import type { ProtocolHost } from '../http/protocol.ts'
import type { Auth, CallKind } from './auth.ts'
import type { NativeConfig } from './config.ts'
import type { Standings } from './standing.ts'

/** What every route of this protocol works with. */
export interface Rooms {
  readonly host: ProtocolHost
  readonly config: NativeConfig
  readonly auth: Readonly<Record<CallKind, Auth>>
  readonly standings: Standings
}
