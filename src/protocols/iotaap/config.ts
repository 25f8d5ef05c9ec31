import { z } from 'zod'
import { OtaError } from '../../core/errors.ts'

const MIB = 2 ** 20
/** Below this, real images of the larger boards would not fit. [iotaap 3.6] */
const LEAST_FIRMWARE_BYTES = 8 * MIB

const positive = z.number().int().positive()

/** Block `iotaap` of the configuration. */
const schema = z.strictObject({
  /** Largest firmware file of a deploy, bytes; never below 8 MiB. */
  firmwareBytes: positive.default(16 * MIB).transform((bytes) => Math.max(bytes, LEAST_FIRMWARE_BYTES)),
  /** Refuses a deploy whose image looks wrong, in place of warning about it. */
  strictImages: z.boolean().default(false),
  /** Rows of one list reply; what is beyond needs a further request with an offset. */
  listRows: positive.default(100_000),
  /** Misses of one address on the device endpoints in a minute before further ones are answered late. */
  missesPerMinute: positive.default(120),
  /** How late, milliseconds; devices wait 5 s for an answer. */
  missDelayMs: z.number().int().min(0).max(4_000).default(1_000),
  /** Late answers under way at one time; beyond, misses are answered at once. */
  heldMisses: positive.default(1_000),
  /** Addresses whose misses are counted. */
  missAddresses: positive.default(10_000),
})

export type IotaapSettings = z.output<typeof schema>

/** Throws `invalid` that names the setting. */
export function parseConfig(config: Readonly<Record<string, unknown>>): IotaapSettings {
  const parsed = schema.safeParse(config)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const name = ['iotaap', ...(issue?.path ?? [])].join('.')
  throw new OtaError('invalid', `${name}: ${issue?.message}`, { details: { field: name } })
}
