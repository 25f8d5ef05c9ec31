import { managementApi } from '../api/protocol.ts'
import type { WebhookSender } from '../core/webhook/webhook-sender.ts'
import { enosProtocol } from '../protocols/enos/protocol.ts'
import type { Protocol, ProtocolHost } from '../protocols/http/protocol.ts'
import { iotaapProtocol } from '../protocols/iotaap/protocol.ts'
import { nativeProtocol } from '../protocols/native/protocol.ts'
import { issueDeviceToken } from '../protocols/spoke-zone/device-token.ts'
import { spokeZoneProtocol } from '../protocols/spoke-zone/protocol.ts'
import type { Config } from './config/settings.ts'
import { VERSION } from './version.ts'

/** Every protocol that this server speaks. A new one is one line here and one block of configuration. */
export function createProtocols(
  host: ProtocolHost,
  config: Pick<Config, 'iotaap' | 'spokeZone' | 'enos' | 'native'>,
  webhooks?: WebhookSender,
): Protocol[] {
  const devices: Protocol[] = [
    spokeZoneProtocol(host, config.spokeZone),
    iotaapProtocol(host, config.iotaap),
    enosProtocol(host, config.enos),
    nativeProtocol(host, config.native),
  ]
  return [
    ...devices,
    managementApi(host, {
      version: VERSION,
      tokenIssuers: { 'spoke-zone': (facts) => issueDeviceToken(host, facts) },
      ...(webhooks && { webhooks }),
      askStyles: Object.fromEntries(devices.flatMap(({ name, asks }) => (asks ? [[name, asks]] : []))),
    }),
  ]
}
