import type { Aliases, Labels } from '../../core/common.ts'
import type { FleetCredentials } from './fleet-file.ts'

/** One credential as the file wants it. */
export interface WantedCredential {
  readonly scheme: string
  /** Absent: keep what is there, or make one. */
  readonly secret?: string
  /** How a missing secret is made: so many letters and digits; 0 = the scheme has none. */
  readonly generatedChars: number
  readonly recoverable: boolean
  readonly details: Labels
}

/** The credentials section in domain words. */
export function wantedCredentials(section: FleetCredentials): WantedCredential[] {
  const { native, iotaap, spokeZone, enos, hawkbit } = section
  const wanted: WantedCredential[] = []
  const add = (scheme: string, secret: string | undefined, rest: Omit<WantedCredential, 'scheme' | 'secret'>) =>
    wanted.push({ scheme, ...rest, ...(secret !== undefined && { secret }) })
  if (native) add('native', native.token, { generatedChars: 40, recoverable: false, details: {} })
  if (iotaap) add('iotaap', iotaap.token, { generatedChars: 12, recoverable: true, details: {} })
  if (spokeZone) {
    const details = { cpuId: spokeZone.cpuId, uuid: spokeZone.uuid }
    add('spoke-zone', undefined, { generatedChars: 0, recoverable: false, details })
  }
  if (enos) add('enos', enos.secret, { generatedChars: 0, recoverable: true, details: {} })
  if (hawkbit) add('hawkbit', hawkbit.targetToken, { generatedChars: 32, recoverable: true, details: {} })
  return wanted
}

/** The vendor names in the credentials section. */
export function wantedAliases(section: FleetCredentials): Aliases {
  const { enos, hawkbit } = section
  return {
    ...(enos?.deviceKey !== undefined && { 'enos/device-key': enos.deviceKey }),
    ...(enos?.assetId !== undefined && { 'enos/asset-id': enos.assetId }),
    ...(hawkbit?.controllerId !== undefined && { 'hawkbit/controller-id': hawkbit.controllerId }),
  }
}
