import { z } from 'zod'
import type { Firmware, FirmwareFile } from '../core/firmware/firmware.ts'
import { entity, entityView, referenceView, timeOrNull, timeView } from './fields.ts'
import type { OrganisationCall } from './route.ts'

export const firmwareView = z
  .strictObject({
    ...entityView,
    number: z.int().describe("The number that a vendor's wire shows"),
    product: referenceView.nullable(),
    module: referenceView.nullable(),
    version: z.string(),
    sequence: z.int().nullable().describe("Place in the explicit order of the module's versions; null = none"),
    fromVersions: z.string().nullable().describe('From which versions it can be installed; null = from any'),
    scope: z.enum(['library', 'private']),
    active: z.boolean().describe('In the catalogue that devices choose from'),
    withdrawn: z.boolean().describe('The emergency brake: refused everywhere'),
    sealed: z.boolean().describe('Something refers to it; it never changes again'),
    name: z.string(),
    description: z.string().nullable(),
    notes: z.string(),
    tags: z.record(z.string(), z.string()),
    warnings: z.array(z.string()),
    releasedAt: timeView.nullable(),
    signature: z.string().nullable(),
    file: z.strictObject({
      name: z.string(),
      size: z.int().describe('Bytes'),
      sha256: z.string(),
      sha1: z.string(),
      md5: z.string(),
    }),
  })
  .meta({ id: 'Firmware' })

export async function viewFirmware({ references }: OrganisationCall, { firmware, artifact }: FirmwareFile) {
  const { version, sequence, fromVersions, scope, active, withdrawn, sealed, description, notes, signature }: Firmware =
    firmware
  const { size, sha256, sha1, md5 } = artifact
  return {
    ...entity(firmware),
    number: firmware.serial,
    product: await references.product(firmware.product),
    module: await references.module(firmware.module),
    version,
    sequence,
    fromVersions,
    scope,
    active,
    withdrawn,
    sealed,
    name: firmware.name.default,
    description,
    notes,
    tags: { ...firmware.tags },
    warnings: [...firmware.warnings],
    releasedAt: timeOrNull(firmware.releasedAt),
    signature,
    file: { name: artifact.name, size, sha256, sha1, md5 },
  }
}
