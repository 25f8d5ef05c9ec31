import { z } from 'zod'
import { ROLLOUT_STATES } from '../../core/rollout/rollout.ts'
import { credentialsSchema, groupTokenSchema } from '../credential-schemes.ts'
import { rolloutFields } from '../rollout-fields.ts'

/** The fleet file: one or more organisations described whole. Unknown keys are errors everywhere. */

const key = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'is not a key: 1 to 64 of A-Z a-z 0-9 . _ -')
const id = z.string().regex(/^[0-9a-f]{24}$/, 'must be 24 lower-case hex digits')
const text = z.string().min(1).max(200)
/** YAML reads `1.10` as a number and would lose the zero; a version must be quoted then. */
const version = z.string({ error: 'must be text: put it in quotes' }).regex(/^[\x21-\x7e]{1,64}$/, 'is no version')
const labels = z.record(z.string(), z.string({ error: 'must be text: put it in quotes' }))
const number = z.int().positive()

const account = z.strictObject({
  email: z.string().min(3),
  /** Used when the account is made; later changes of it are the account's own affair. */
  password: z.string().min(8).optional(),
  role: z.enum(['owner', 'operator', 'viewer']).default('operator'),
})

const accessKey = z.strictObject({
  key: text,
  secret: text,
  name: z.string().max(200).optional(),
  permissions: z.array(z.enum(['read', 'write', 'enrol'])).default(['read']),
})

const module = z.strictObject({
  key,
  name: text.optional(),
  id: id.optional(),
  spokeZone: z.strictObject({ id: number }).optional(),
})

const product = z.strictObject({
  key,
  name: text.optional(),
  id: id.optional(),
  distribution: z.enum(['catalogue', 'managed']).optional(),
  downgrades: z.enum(['guarded', 'forbidden']).optional(),
  enos: z.strictObject({ productKey: text }).optional(),
  spokeZone: z.strictObject({ id: number }).optional(),
  modules: z.array(module).optional(),
})

const group = z.strictObject({
  key,
  name: text.optional(),
  id: id.optional(),
  iotaap: z.strictObject({ token: groupTokenSchema }).optional(),
})

const device = z.strictObject({
  key,
  name: text.optional(),
  id: id.optional(),
  product: key.optional(),
  group: key.optional(),
  status: z.enum(['active', 'disabled']).optional(),
  tags: labels.optional(),
  attributes: labels.optional(),
  credentials: credentialsSchema.optional(),
})

const firmware = z.strictObject({
  product: key,
  module: key.optional(),
  version,
  file: text,
  id: id.optional(),
  spokeZone: z.strictObject({ id: number }).optional(),
  active: z.boolean().optional(),
  name: text.optional(),
  notes: z.string().optional(),
  description: z.string().max(512).optional(),
  tags: labels.optional(),
  signature: z.base64().optional(),
  /** null takes it away. */
  sequence: z.int().min(0).nullable().optional(),
  fromVersions: z.string({ error: 'must be text: put it in quotes' }).nullable().optional(),
})

const floor = z.strictObject({
  product: key,
  module: key.optional(),
  version,
  reason: z.string({ error: 'must be text: put it in quotes' }).min(1).max(500),
  id: id.optional(),
})

const release = z.strictObject({ product: key, version, firmware: z.record(key, version), id: id.optional() })

const assignment = z
  .strictObject({
    device: key.optional(),
    group: key.optional(),
    /** Needed with `version` for groups and devices without a product, and with `release`. */
    product: key.optional(),
    module: key.optional(),
    version: version.optional(),
    release: version.optional(),
  })
  .refine((one) => (one.device === undefined) !== (one.group === undefined), 'names either a device or a group')
  .refine((one) => (one.version === undefined) !== (one.release === undefined), 'names either a version or a release')

const rollout = z
  .strictObject({
    ...rolloutFields,
    key,
    id: id.exactOptional(),
    product: key,
    module: key.exactOptional(),
    version: version.exactOptional(),
    release: version.exactOptional(),
    /** Into which it is brought; absent: a new one is a draft, others stay. */
    state: z.enum(ROLLOUT_STATES).exactOptional(),
  })
  .refine((one) => (one.version === undefined) !== (one.release === undefined), 'names either a version or a release')

const organisation = z.strictObject({
  key,
  name: text.optional(),
  id: id.optional(),
  defaultProduct: key.optional(),
  spokeZone: z.strictObject({ numericIds: z.boolean().optional() }).optional(),
  enos: z.strictObject({ orgId: text.optional(), gate: z.boolean().optional() }).optional(),
  hawkbit: z.strictObject({ tenant: text.optional() }).optional(),
  accounts: z.array(account).optional(),
  accessKeys: z.array(accessKey).optional(),
  products: z.array(product).optional(),
  groups: z.array(group).optional(),
  devices: z.array(device).optional(),
  firmware: z.array(firmware).optional(),
  floors: z.array(floor).optional(),
  releases: z.array(release).optional(),
  assignments: z.array(assignment).optional(),
  rollouts: z.array(rollout).optional(),
})

export const fleetFileSchema = z.strictObject({ organisations: z.array(organisation).min(1) })

export type FleetFile = z.output<typeof fleetFileSchema>
export type FleetOrganisation = FleetFile['organisations'][number]
export type FleetDevice = NonNullable<FleetOrganisation['devices']>[number]
export type FleetFirmware = NonNullable<FleetOrganisation['firmware']>[number]
export type FleetRollout = NonNullable<FleetOrganisation['rollouts']>[number]
