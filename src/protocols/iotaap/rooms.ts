import type { Core } from '../../core/create-core.ts'
import type { ProtocolHost } from '../http/protocol.ts'
import type { Auth } from './auth.ts'
import type { IotaapSettings } from './config.ts'
import type { Holders } from './holders.ts'
import type { MissThrottle } from './miss-throttle.ts'

/** What the routes of the account API work with. */
export interface AccountRooms {
  readonly core: Core
  readonly auth: Auth
  readonly holders: Holders
  readonly settings: IotaapSettings
}

/** What the routes of devices work with. */
export interface DeviceRooms {
  readonly host: ProtocolHost
  readonly throttle: MissThrottle
}
