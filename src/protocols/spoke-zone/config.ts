import { z } from 'zod'
import { OtaError } from '../../core/errors.ts'

const settings = z.strictObject({
  /** Calls of /loginDevice that one device may make in a minute; a device with a fast clock logs in before every request. */
  loginDevicePerMinute: z.int().min(1).default(60),
  /** Life of a user's token, seconds; clients neither read its end nor recover from it. */
  userTokenSeconds: z.int().min(60).default(604_800),
  /** A device token with so much life left or less is renewed on request, seconds. */
  renewalSeconds: z.int().min(0).default(43_200),
  /** Verified tokens held in memory, so that a poll costs no signature check. */
  verifiedTokens: z.int().min(0).default(150_000),
  /** Devices whose calls of /loginDevice are counted at one time. */
  throttledDevices: z.int().min(1).default(100_000),
})

export type SpokeZoneConfig = z.infer<typeof settings>

/** The named limits of this protocol with their defaults. Throws `invalid` for unknown names and bad values. */
export function parseConfig(given: Readonly<Record<string, unknown>> = {}): SpokeZoneConfig {
  const parsed = settings.safeParse(given)
  if (parsed.success) return parsed.data
  throw new OtaError('invalid', `spokeZone: ${z.prettifyError(parsed.error)}`, { details: { field: 'spokeZone' } })
}
