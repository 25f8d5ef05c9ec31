import { z } from 'zod'
import { OtaError } from '../../core/errors.ts'

const settings = z.strictObject({
  /** How often a device with nothing to do should ask, seconds. */
  checkSeconds: z.int().min(1).default(300),
  /** Each device's own pace differs from that by up to so much, for ever the same: percent. */
  jitterPercent: z.number().min(0).max(50).default(20),
  /** How often a device should ask while an update is under way, seconds. */
  underWaySeconds: z.int().min(1).default(60),
  /** Below this charge nothing new is offered, percent; 0 = battery hints count for nothing. */
  lowBatteryPercent: z.number().min(0).max(100).default(20),
  /** Whether devices on a metered connection are offered nothing new. */
  holdMetered: z.boolean().default(true),
  /** A device that is held back should ask so many times more seldom. */
  savingFactor: z.number().min(1).max(100).default(4),
  /** Checks, reports and waits of one device in a minute. */
  callsPerMinute: z.int().min(1).default(60),
  /** Requests for artifacts of one device in a minute; small devices fetch in many ranges. */
  artifactCallsPerMinute: z.int().min(1).default(1200),
  /** Devices whose calls are counted at one time. */
  throttledDevices: z.int().min(1).default(100_000),
  /** Largest body of a request, bytes. */
  bodyBytes: z.int().min(1024).default(65_536),
  /** Reports in one request. */
  reportsPerBatch: z.int().min(1).max(1000).default(50),
  /** Longest wait for a change, seconds. */
  waitSeconds: z.int().min(1).max(3600).default(60),
  /** Devices of this node that wait for a change at one time. */
  waiters: z.int().min(0).default(10_000),
  /** When something changes for many waiting devices, they are looked at over so long, seconds. */
  wakeSpreadSeconds: z.number().min(0).max(60).default(5),
  /** Enrolments from one address in a minute. */
  enrolmentsPerMinute: z.int().min(1).default(60),
  /** Addresses whose enrolments are counted at one time. */
  throttledAddresses: z.int().min(1).default(10_000),
})

export type NativeConfig = z.infer<typeof settings>

/** The named limits of this protocol with their defaults. Throws `invalid` for unknown names and bad values. */
export function parseConfig(given: Readonly<Record<string, unknown>> = {}): NativeConfig {
  const parsed = settings.safeParse(given)
  if (parsed.success) return parsed.data
  throw new OtaError('invalid', `native: ${z.prettifyError(parsed.error)}`, { details: { field: 'native' } })
}
