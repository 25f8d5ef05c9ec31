import { z } from 'zod'
import type { Aliases } from '../core/common.ts'
import type { CredentialInput } from '../core/device/credential-service.ts'
import { invalid } from '../core/errors.ts'
import type { Ids } from '../core/ports.ts'

/** How devices prove themselves over each protocol: what may be given, what is made up, what is kept readable. */

const text = z.string().min(1).max(200)
const printable = /^[\x21-\x7e]+$/

/** Members as in the fleet file; each is a scheme of `SCHEMES`. */
export const credentialFields = {
  native: z.strictObject({
    token: z.string().regex(printable).min(16).max(200).exactOptional().describe('40 random characters unless given'),
  }),
  iotaap: z.strictObject({
    token: z
      .string()
      .regex(/^[A-Za-z0-9]{12}$/, 'must be 12 letters or digits')
      .exactOptional()
      .describe('Random unless given'),
  }),
  spokeZone: z.strictObject({
    id: z.int().positive().exactOptional().describe('The number of the device; only when it is made'),
    cpuId: text,
    uuid: text,
  }),
  enos: z.strictObject({
    deviceKey: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,64}$/, 'must be 1 to 64 of A-Z a-z 0-9 . _ -')
      .exactOptional()
      .describe('The key of the device unless given'),
    assetId: z.string().min(1).max(128).exactOptional().describe('The id of the device unless given'),
    secret: text.exactOptional().describe('Random unless given'),
  }),
  hawkbit: z.strictObject({
    controllerId: z.string().min(1).max(128).exactOptional().describe('The key of the device unless given'),
    targetToken: z.string().regex(printable).max(128).exactOptional().describe('32 random characters unless given'),
  }),
} as const

export type SchemeField = keyof typeof credentialFields

export const credentialsSchema = z.strictObject({
  native: credentialFields.native.exactOptional(),
  iotaap: credentialFields.iotaap.exactOptional(),
  spokeZone: credentialFields.spokeZone.exactOptional(),
  enos: credentialFields.enos.exactOptional(),
  hawkbit: credentialFields.hawkbit.exactOptional(),
})

export type CredentialsBody = z.output<typeof credentialsSchema>

interface Scheme {
  /** Name of the scheme in the core and in paths. */
  readonly name: string
  /** The member that holds the secret; absent where there is none. */
  readonly secret?: string
  /** Length of a made-up secret. */
  readonly chars: number
  /** Kept readable, since the protocol shows it or computes with it. */
  readonly recoverable: boolean
  /** Members that are public facts. */
  readonly details: readonly string[]
  /** Members that are the device's names with the vendor, and their slots. */
  readonly aliases: Readonly<Record<string, string>>
}

export const SCHEMES: Readonly<Record<SchemeField, Scheme>> = {
  native: { name: 'native', secret: 'token', chars: 40, recoverable: false, details: [], aliases: {} },
  iotaap: { name: 'iotaap', secret: 'token', chars: 12, recoverable: true, details: [], aliases: {} },
  spokeZone: { name: 'spoke-zone', chars: 0, recoverable: false, details: ['cpuId', 'uuid'], aliases: {} },
  enos: {
    name: 'enos',
    secret: 'secret',
    chars: 32,
    recoverable: true,
    details: [],
    aliases: { deviceKey: 'enos/device-key', assetId: 'enos/asset-id' },
  },
  hawkbit: {
    name: 'hawkbit',
    secret: 'targetToken',
    chars: 32,
    recoverable: true,
    details: [],
    aliases: { controllerId: 'hawkbit/controller-id' },
  },
}

/** IoTaaP's group token, the only credential that a group may have. */
export const groupTokenSchema = z
  .string()
  .regex(/^[A-Za-z0-9]{16}$/, 'must be 16 letters or digits')
  .describe('16 random letters and digits unless given')
export const GROUP_TOKEN_CHARS = 16

/** Credentials in domain words. */
export interface ReadCredentials {
  readonly credentials: readonly CredentialInput[]
  readonly aliases: Aliases
  /** A fixed number for the device. */
  readonly number?: number
  /** Secrets that were made up here, to be shown once: field -> member -> text. */
  readonly generated: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/** Translates a body; makes up the secrets that are missing, or with `ids` null refuses them. */
export function readCredentials(body: CredentialsBody, ids: Ids | null): ReadCredentials {
  const credentials: CredentialInput[] = []
  const aliases: Record<string, string> = {}
  const generated: Record<string, Record<string, string>> = {}
  for (const field of Object.keys(SCHEMES) as SchemeField[]) {
    const members = body[field] as Readonly<Record<string, string | number>> | undefined
    if (!members) continue
    const scheme = SCHEMES[field]
    for (const [member, slot] of Object.entries(scheme.aliases))
      if (members[member] !== undefined) aliases[slot] = String(members[member])
    const details = Object.fromEntries(scheme.details.map((member) => [member, String(members[member])]))
    let secret = scheme.secret === undefined ? undefined : members[scheme.secret]
    if (scheme.secret !== undefined && secret === undefined) {
      if (!ids) throw invalid(`credentials.${field}.${scheme.secret}`, 'is needed here')
      secret = ids.token(scheme.chars)
      generated[field] = { [scheme.secret]: secret }
    }
    credentials.push({
      scheme: scheme.name,
      recoverable: scheme.recoverable,
      details,
      ...(secret !== undefined && { secret: String(secret) }),
    })
  }
  const number = body.spokeZone?.id
  return { credentials, aliases, generated, ...(number !== undefined && { number }) }
}
