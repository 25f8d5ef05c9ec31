import type { Serial } from '../../core/common.ts'
import type { Change } from '../../core/ports.ts'

/** What transactions changed, each thing once. */
export class ChangeLog {
  readonly #devices = new Set<Serial>()
  readonly #rollouts = new Set<Serial>()
  readonly #accessKeys = new Set<Serial>()
  readonly #fleets = new Set<Serial | null>()

  device(device: Serial): void {
    this.#devices.add(device)
  }

  /** Counters and approvals of a rollout. */
  rollout(rollout: Serial): void {
    this.#rollouts.add(rollout)
  }

  /** Tokens of an access key. */
  accessTokens(accessKey: Serial): void {
    this.#accessKeys.add(accessKey)
  }

  /** Anything else of an organisation, or, with null, of the server. */
  fleet(organisation: Serial | null): void {
    this.#fleets.add(organisation)
  }

  /** Of a row that belongs to a device or, else, to a group of devices. */
  target(row: { readonly device: Serial | null; readonly organisation: Serial }): void {
    if (row.device === null) this.fleet(row.organisation)
    else this.device(row.device)
  }

  /** Takes over what another log holds. */
  add(other: ChangeLog): void {
    for (const device of other.#devices) this.#devices.add(device)
    for (const rollout of other.#rollouts) this.#rollouts.add(rollout)
    for (const accessKey of other.#accessKeys) this.#accessKeys.add(accessKey)
    for (const organisation of other.#fleets) this.#fleets.add(organisation)
  }

  list(): Change[] {
    const fleets = [...this.#fleets].map((organisation): Change => ({ kind: 'fleet', organisation }))
    const devices = [...this.#devices].map((device): Change => ({ kind: 'device', device }))
    const rollouts = [...this.#rollouts].map((rollout): Change => ({ kind: 'rollout', rollout }))
    const tokens = [...this.#accessKeys].map((accessKey): Change => ({ kind: 'access-token', accessKey }))
    return [...fleets, ...devices, ...rollouts, ...tokens]
  }
}
