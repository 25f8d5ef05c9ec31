import { z } from 'zod'
import { invalid } from '../core/errors.ts'
import type { ReleaseReference } from '../core/release/release-service.ts'
import { keyField, referenceField } from './fields.ts'

/** What to ship, in one of its forms. */
export const whatFields = {
  release: z.string().min(1).max(64).exactOptional().describe('Id of a release; or with product its version'),
  firmware: z.string().min(1).max(64).exactOptional().describe('Id of a single firmware'),
  product: referenceField.exactOptional(),
  module: keyField.exactOptional().describe('With product and version; the primary module unless given'),
  version: z.string().min(1).max(64).exactOptional().describe('With product: version of a single firmware'),
}

export const whatSchema = z.strictObject(whatFields)
export type What = z.output<typeof whatSchema>

/** The release that is meant. Throws `invalid` unless exactly one form is given. */
export function releaseOf(what: What): ReleaseReference {
  const { release, firmware, product, module, version } = what
  const forms = [release, firmware, version].filter((one) => one !== undefined)
  if (forms.length !== 1) throw invalid('release', 'exactly one of release, firmware and version must be given')
  if (firmware !== undefined) return { firmware }
  if (release !== undefined) return { release, ...(product !== undefined && { product }) }
  if (product === undefined || version === undefined) throw invalid('product', 'is needed with version')
  return { product, version, ...(module !== undefined && { module }) }
}
