import type { StagedBlob } from '../blobs.ts'
import type { Id, Labels, Millis, Serial } from '../common.ts'
import { invalid, isOtaError, notFound, OtaError } from '../errors.ts'
import type { Stores } from '../ports.ts'
import { requireFromVersions } from '../rollout/guards/from-versions.ts'
import { changed, difference, recordFor, type Scope, type ServiceDeps } from '../service.ts'
import { requireLabels, requireSerial, requireText, requireVersion } from '../validate.ts'
import type { Firmware, FirmwareFile, LocalisedText, Verification } from './firmware.ts'
import { keepBlob } from './keep-blob.ts'

/** What is known of a new firmware besides its bytes. */
export interface FirmwareInput {
  /** null = bound to no product. */
  readonly product: Serial | null
  readonly module: Serial | null
  readonly version: string
  readonly scope?: Firmware['scope']
  readonly id?: Id
  readonly serial?: Serial
  readonly active?: boolean
  /** `<version>` unless given; unique per product in the library. */
  readonly name?: LocalisedText
  readonly description?: string | null
  readonly notes?: string
  readonly tags?: Labels
  readonly verification?: Partial<Verification>
  /** A digest that the uploader declared: refused when the bytes differ. Unset: SHA-256 of the bytes. */
  readonly digest?: { readonly method: 'md5' | 'sha256'; readonly value?: string; readonly trust?: boolean }
  readonly fileName: string
  readonly warnings?: readonly string[]
  readonly releasedAt?: Millis | null
  readonly signature?: string | null
  readonly sequence?: number | null | undefined
  readonly fromVersions?: string | null | undefined
}

export type FirmwarePatch = Partial<
  Pick<
    Firmware,
    'active' | 'withdrawn' | 'notes' | 'tags' | 'description' | 'releasedAt' | 'name' | 'sequence' | 'fromVersions'
  >
>

const NO_VERIFICATION: Verification = { enabled: false, verified: false, maxDevices: 5, minSucceeded: 1 }

export class FirmwareService {
  readonly #deps: ServiceDeps

  constructor(deps: ServiceDeps) {
    this.#deps = deps
  }

  /**
   * Keeps the staged bytes and stores the firmware with its artifact in one transaction. On any refusal the staged bytes
   * are discarded and nothing is visible. Throws `conflict` (details.field `version` or `name`) when taken.
   */
  async create(scope: Scope, input: FirmwareInput, staged: StagedBlob): Promise<FirmwareFile> {
    try {
      checkInput(input, staged, this.#deps.limits)
      await keepBlob(this.#deps, staged)
      return await this.#deps.storage.transaction((stores) =>
        insertFirmware(stores, this.#deps, scope, { input, staged }),
      )
    } finally {
      await staged.discard()
    }
  }

  /** Changes flags, descriptions and the place among versions, also when sealed; bytes and version never change. */
  async update(scope: Scope, id: Id, patch: FirmwarePatch, ifRevision?: number): Promise<Firmware> {
    return this.#deps.storage.transaction(async (stores) => {
      const before = await findFirmware(stores, scope.organisation, id)
      if (patch.tags) requireLabels('tags', patch.tags, this.#deps.limits)
      requirePlace(patch)
      if (patch.active && before.scope === 'private')
        throw invalid('active', 'private firmware is never in the catalogue')
      const after = changed(await stores.firmware.update(before.serial, patch, ifRevision))
      const type = patch.withdrawn && !before.withdrawn ? 'firmware.withdrawn' : 'firmware.changed'
      const subject = { kind: 'firmware', id }
      await recordFor(stores, this.#deps, scope, { type, subject, details: difference(before, patch) })
      return after
    })
  }

  /**
   * Throws `in-use` while an assignment, a release, a rollout, a floor or an update refers to it, or a device could be
   * sent back to it.
   */
  async delete(scope: Scope, id: Id): Promise<void> {
    await this.#deps.storage.transaction(async (stores) => {
      const firmware = await findFirmware(stores, scope.organisation, id)
      await refusePrevious(stores, firmware)
      await stores.firmware.delete(firmware.serial).catch((error) => explainUse(stores, firmware, error))
      const details = { version: firmware.version }
      await recordFor(stores, this.#deps, scope, {
        type: 'firmware.deleted',
        subject: { kind: 'firmware', id },
        details,
      })
    })
  }

  get(organisation: Serial, id: Id): Promise<Firmware> {
    return findFirmware(this.#deps.storage.read, organisation, id)
  }

  /** With its primary artifact. */
  async file(organisation: Serial, id: Id): Promise<FirmwareFile> {
    const firmware = await this.get(organisation, id)
    const [artifact] = await this.#deps.storage.read.artifacts.listByFirmware(firmware.serial)
    if (!artifact) throw new OtaError('internal', `Firmware ${id} has no artifact.`)
    return { firmware, artifact }
  }
}

/** By id, within the organisation. Throws `not-found`. */
export async function findFirmware(stores: Stores, organisation: Serial, id: Id): Promise<Firmware> {
  const firmware = await stores.firmware.findById(organisation, id)
  if (!firmware) throw notFound('firmware', id)
  return firmware
}

/** Throws `invalid` unless the place among versions, as far as it is given, is one. */
export function requirePlace({ sequence, fromVersions }: Pick<FirmwareInput, 'sequence' | 'fromVersions'>): void {
  if (sequence != null && !(Number.isSafeInteger(sequence) && sequence >= 0))
    throw invalid('sequence', 'must be a whole number, 0 or more')
  if (fromVersions != null) requireFromVersions('fromVersions', fromVersions)
}

function checkInput(input: FirmwareInput, staged: StagedBlob, limits: ServiceDeps['limits']): void {
  requireVersion('version', input.version)
  requirePlace(input)
  if (staged.digests.size === 0) throw invalid('file', 'is empty')
  if (input.name) requireText('name', input.name.default)
  if (input.tags) requireLabels('tags', input.tags, limits)
  if (input.description != null && input.description.length > 512)
    throw invalid('description', 'at most 512 characters')
  const verification = { ...NO_VERIFICATION, ...input.verification }
  if (verification.minSucceeded < 1 || verification.minSucceeded > verification.maxDevices)
    throw invalid('verification', 'needs 1 <= minimum of successes <= maximum of devices')
  const { digest } = input
  if (digest?.value !== undefined && !digest.trust && digest.value.toLowerCase() !== staged.digests[digest.method])
    throw invalid('sign', `is not the ${digest.method} of the file`)
}

/** Inserts firmware and artifact with the event; the bytes must be kept already. */
export async function insertFirmware(
  stores: Stores,
  deps: ServiceDeps,
  scope: Scope,
  what: { input: FirmwareInput; staged: Pick<StagedBlob, 'digests'> },
): Promise<FirmwareFile> {
  const { input } = what
  const { digests } = what.staged
  requirePlace(input)
  const now = deps.clock.now()
  const isLibrary = (input.scope ?? 'library') === 'library'
  const method = input.digest?.method ?? 'sha256'
  const id = input.id ?? deps.ids.id(now)
  const firmware = await stores.firmware.insert({
    id,
    createdAt: now,
    organisation: scope.organisation,
    product: input.product,
    module: input.module,
    version: input.version,
    sequence: input.sequence ?? null,
    fromVersions: input.fromVersions ?? null,
    scope: isLibrary ? 'library' : 'private',
    sealed: false,
    active: isLibrary && (input.active ?? false),
    withdrawn: false,
    name: input.name ?? { default: await defaultName(stores, input), locales: {} },
    description: input.description ?? null,
    notes: input.notes ?? '',
    tags: input.tags ?? {},
    verification: { ...NO_VERIFICATION, ...input.verification, verified: false },
    declaredDigest: { method, value: (input.digest?.value ?? digests[method]).toLowerCase() },
    fileAlias: `${deps.ids.token(24)}${extension(input.fileName)}`,
    warnings: input.warnings ?? [],
    releasedAt: input.releasedAt ?? null,
    signature: input.signature ?? null,
    ...(input.serial !== undefined && { serial: requireSerial('number', input.serial) }),
  })
  const artifact = await stores.artifacts.insert({
    id: deps.ids.id(now),
    createdAt: now,
    organisation: scope.organisation,
    firmware: firmware.serial,
    ...digests,
    name: input.fileName,
    isPrimary: true,
  })
  await recordFor(stores, deps, scope, {
    type: 'firmware.created',
    subject: { kind: 'firmware', id },
    details: { version: firmware.version, sha256: artifact.sha256, size: artifact.size, scope: firmware.scope },
  })
  return { firmware, artifact }
}

/** `<module> <version>`: unique in its product because the version is unique in its module. */
async function defaultName(stores: Stores, input: FirmwareInput): Promise<string> {
  const module = input.module === null ? undefined : await stores.modules.find(input.module)
  return module ? `${module.key} ${input.version}` : input.version
}

function extension(fileName: string): string {
  return /\.[A-Za-z0-9]{1,10}$/.exec(fileName)?.[0] ?? '.bin'
}

async function refusePrevious(stores: Stores, { product, module, version }: Firmware): Promise<void> {
  const primary =
    product === null ? undefined : (await stores.modules.listByProduct(product)).find((one) => one.isPrimary)
  const target = module ?? primary?.serial
  if (target !== undefined && (await stores.running.isPrevious(target, version)))
    throw new OtaError('in-use', `${version} is the previous version of a device, which may have to go back to it.`)
}

/** Says what holds a firmware, and what can be done instead of deleting it. */
async function explainUse(stores: Stores, firmware: Firmware, cause: unknown): Promise<never> {
  if (!isOtaError(cause, 'in-use')) throw cause
  if (await stores.floors.findByFirmware(firmware.serial))
    throw new OtaError('in-use', `${firmware.version} is a floor of its product; delete the floor first.`, { cause })
  const release = await stores.releases.findSilent(firmware.serial)
  const assignments = release ? await stores.assignments.countByRelease(release.serial) : 0
  const rollouts = release ? await stores.rollouts.countByRelease(release.serial) : 0
  const counted = [
    ...(assignments > 0 ? [`${assignments} assignment(s)`] : []),
    ...(rollouts > 0 ? [`${rollouts} rollout(s)`] : []),
  ]
  const holder = counted.length > 0 ? counted.join(' and ') : 'a release or the history of updates'
  const message = `${firmware.version} is still held by ${holder}. Withdraw it, and it is offered to nobody.`
  throw new OtaError('in-use', message, { cause })
}
