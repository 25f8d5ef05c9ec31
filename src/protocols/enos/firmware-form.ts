import type { FirmwareInput } from '../../core/firmware/firmware-service.ts'
import { invalidArgument } from './errors.ts'
import { whole } from './expression/pagination.ts'
import { isJsonObject, type JsonObject, parseJsonObject } from './json.ts'
import { localisedName } from './localised-name.ts'

/** What the part `metadata` of an upload says of the firmware. */
export type FormMetadata = Required<
  Pick<FirmwareInput, 'version' | 'name' | 'description' | 'tags' | 'verification' | 'digest'>
>

const MAX_DEVICES = 5

/** [enos 3.4] Checks the metadata of an upload. Throws `EnosFailure`. */
export function parseMetadata(text: string | undefined, options: { readonly trustSign: boolean }): FormMetadata {
  if (text === undefined) throw invalidArgument('metadata', 'metadata is missing')
  const metadata = parseJsonObject(text)
  if (metadata === undefined) throw invalidArgument('metadata', 'is not a JSON object')
  return {
    version: mandatoryString(metadata, 'version'),
    name: nameIn(metadata),
    description: optionalString(metadata, 'desc', 512) ?? null,
    tags: tagsIn(metadata),
    verification: verificationIn(metadata),
    digest: digestIn(metadata, options.trustSign),
  }
}

function mandatoryString(metadata: JsonObject, field: string): string {
  const value = metadata[field]
  if (value === undefined || value === null || value === '') throw invalidArgument(field, `${field} is missing`)
  if (typeof value !== 'string') throw invalidArgument(field, 'must be a string')
  return value
}

function optionalString(metadata: JsonObject, field: string, most: number): string | undefined {
  const value = metadata[field] ?? undefined
  if (value === undefined) return undefined
  if (typeof value !== 'string' || value.length > most)
    throw invalidArgument(field, `must be a string of at most ${most} characters`)
  return value
}

function nameIn(metadata: JsonObject): FormMetadata['name'] {
  const name = localisedName(metadata['name'])
  if (!name) throw invalidArgument('name', 'name is missing')
  return name
}

const TAG_KEY = /^[A-Za-z0-9_/-]{1,50}$/
const TAGS = 100
const TAG_CHARS = 200

/** [enos 3.3] */
function tagsIn(metadata: JsonObject): FormMetadata['tags'] {
  const tags = metadata['firmwareTags'] ?? {}
  if (!isJsonObject(tags)) throw invalidArgument('firmwareTags', 'must be an object')
  const entries = Object.entries(tags)
  if (entries.length > TAGS) throw invalidArgument('firmwareTags', `at most ${TAGS} tags`)
  return Object.fromEntries(
    entries.map(([key, value]): [string, string] => {
      if (!TAG_KEY.test(key)) throw invalidArgument('firmwareTags', 'has a key that is not allowed')
      if (typeof value !== 'string' || value.length > TAG_CHARS || value.trim() !== value)
        throw invalidArgument('firmwareTags', `values have at most ${TAG_CHARS} characters without outer blanks`)
      return [key, value]
    }),
  )
}

/** [enos 3.3] 1 <= min <= max; the defaults are this server's: min 1, max 5 or min if that is larger */
function verificationIn(metadata: JsonObject): FormMetadata['verification'] {
  const enabled = metadata['enableVerification']
  if (enabled === undefined || enabled === null)
    throw invalidArgument('enableVerification', 'enableVerification is missing')
  if (typeof enabled !== 'boolean') throw invalidArgument('enableVerification', 'must be a boolean')
  const minSucceeded = countIn(metadata, 'minSuccessForVerified') ?? 1
  const maxDevices = countIn(metadata, 'maxAllowedForVerification') ?? Math.max(MAX_DEVICES, minSucceeded)
  if (minSucceeded > maxDevices)
    throw invalidArgument('minSuccessForVerified', 'must not be larger than maxAllowedForVerification')
  return { enabled, minSucceeded, maxDevices }
}

function countIn(metadata: JsonObject, field: string): number | undefined {
  const value = metadata[field] ?? undefined
  if (value === undefined) return undefined
  const count = whole(value)
  if (count === undefined || count < 1) throw invalidArgument(field, 'must be a whole number of at least 1')
  return count
}

/** Quirk: the vendor's Java sample never sets sign [enos 3.4], so a missing one is computed; pinned by row 17. */
function digestIn(metadata: JsonObject, trust: boolean): FormMetadata['digest'] {
  const method = mandatoryString(metadata, 'signMethod').toLowerCase()
  if (method !== 'md5' && method !== 'sha256') throw invalidArgument('signMethod', 'must be md5 or sha256')
  const sign = optionalString(metadata, 'sign', 128)
  return sign === undefined || sign === '' ? { method } : { method, value: sign, trust }
}
