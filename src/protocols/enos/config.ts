import { z } from 'zod'
import { OtaError } from '../../core/errors.ts'

const fileUrl = z.enum(['identifier', 'http'])

const settings = z.strictObject({
  /** [enos 2.6] How far a timestamp may be off, seconds; replay memory lasts as long. */
  windowSeconds: z.int().min(1).max(86_400).default(300),
  /** [enos 2.7] Accept the vendor's core SDK, whose own header proves nothing, with a proof key beside it. */
  coreSdk: z.boolean().default(false),
  /** Wrong or missing proofs of one address in a minute before none of its proofs is looked at. */
  proofFailuresPerMinute: z.int().min(1).default(30),
  /** [enos 3.3] `bound`: productKey is shown for firmware that is bound to a product; `never`: it is always left out. */
  productKeyInReplies: z.enum(['bound', 'never']).default('bound'),
  /** [enos 3.1] Take `action=delete` by GET, as the vendor's Python sample sends it. */
  allowGetDelete: z.boolean().default(false),
  /** [enos 3.4] Store the declared digest of an upload without comparing it with the file. */
  trustSign: z.boolean().default(false),
  /** [enos 6] What fileUrl tells devices: the identifier, or a signed address for those without a downloader. */
  pushFileUrl: fileUrl.default('identifier'),
  /** As `pushFileUrl`, by productKey. */
  pushFileUrlByProduct: z.record(z.string(), fileUrl).default({}),
  /** [enos 6] Signed addresses are good for so long, seconds. */
  downloadUrlSeconds: z.int().min(1).default(900),
  /** Sessions whose last push is remembered, on this node. */
  pushMemory: z.int().min(1).default(100_000),
  /** Sessions whose signature need not be checked again, held in memory. */
  verifiedSessions: z.int().min(0).default(100_000),
  /** Rendered firmware descriptions held in memory. */
  renderedFirmware: z.int().min(0).default(10_000),
})

export type EnosConfig = z.infer<typeof settings>

/** The settings of this protocol with their defaults. Throws `invalid` for unknown names and bad values. */
export function parseConfig(given: Readonly<Record<string, unknown>> = {}): EnosConfig {
  const parsed = settings.safeParse(given)
  if (parsed.success) return parsed.data
  throw new OtaError('invalid', `enos: ${z.prettifyError(parsed.error)}`, { details: { field: 'enos' } })
}
