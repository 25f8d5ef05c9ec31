import type { Assignment } from '../assignment/assignment.ts'
import { pin } from '../assignment/assignment-service.ts'
import type { StagedBlob } from '../blobs.ts'
import type { Serial } from '../common.ts'
import { isOtaError } from '../errors.ts'
import type { Stores } from '../ports.ts'
import { ensureSilentRelease } from '../release/ensure-silent-release.ts'
import type { Scope, ServiceDeps } from '../service.ts'
import { insertFirmware } from './firmware-service.ts'
import { keepBlob } from './keep-blob.ts'

export interface DeployInput {
  readonly target: { readonly device: Serial } | { readonly group: Serial }
  readonly version: string
  readonly fileName: string
  readonly warnings?: readonly string[]
}

/** Bytes and pin in one step: private firmware made for one device or group, as protocols that know no library do. */
export class DeployService {
  readonly #deps: ServiceDeps

  constructor(deps: ServiceDeps) {
    this.#deps = deps
  }

  /**
   * Switches bytes, version and hashes of the target in one commit; of two concurrent deploys the later commit wins
   * whole. The private firmware that was replaced goes if nothing else refers to it. Always ends with the staged bytes
   * kept or discarded.
   */
  async deploy(scope: Scope, input: DeployInput, staged: StagedBlob): Promise<Assignment> {
    try {
      await keepBlob(this.#deps, staged)
      const assignment = await this.#deps.storage.transaction((stores) =>
        this.#switch(stores, scope, { input, staged }),
      )
      this.#deps.notifier.assigned(input.target, input.version)
      return assignment
    } finally {
      await staged.discard()
    }
  }

  async #switch(stores: Stores, scope: Scope, what: { input: DeployInput; staged: StagedBlob }): Promise<Assignment> {
    const { input, staged } = what
    const { target } = input
    const replaced =
      'device' in target
        ? await stores.assignments.findByDevice(target.device)
        : await stores.assignments.findByGroup(target.group)
    const { firmware } = await insertFirmware(stores, this.#deps, scope, {
      staged,
      input: {
        product: null,
        module: null,
        scope: 'private',
        version: input.version,
        fileName: input.fileName,
        digest: { method: 'md5' },
        warnings: input.warnings ?? [],
      },
    })
    const release = await ensureSilentRelease(stores, this.#deps, firmware)
    const device = 'device' in target ? target.device : null
    const group = 'group' in target ? target.group : null
    const assignment = await pin(stores, this.#deps, scope, { device, group, release })
    if (replaced) await dropPrivateFirmware(stores, replaced.release)
    return assignment
  }
}

/** Deletes the private firmware of a release once nothing refers to it; anything else stays. */
export async function dropPrivateFirmware(stores: Stores, release: Serial): Promise<void> {
  const row = await stores.releases.find(release)
  for (const serial of row?.firmware ?? []) {
    const firmware = await stores.firmware.find(serial)
    if (firmware?.scope !== 'private' || (await stores.assignments.countByRelease(release)) > 0) continue
    try {
      await stores.firmware.delete(serial)
    } catch (error) {
      if (!isOtaError(error, 'in-use')) throw error
    }
  }
}
