import type { Serial } from '../common.ts'
import type { Stores } from '../ports.ts'
import type { CredentialInput } from './credential-service.ts'
import type { Credential, Device } from './device.ts'
import type { DeviceInput } from './device-service.ts'
import type { Alias } from './device-store.ts'
import { hashToken } from './secret-hash.ts'

export type Named = DeviceInput & { readonly key: string }

type Name = Pick<Alias, 'slot' | 'scope' | 'name'>

/** The devices whose key, id or number many new ones would like to have; one query per kind. */
export class KnownDevices {
  readonly #byKey = new Map<string, Device>()
  readonly #byId = new Map<string, Device>()
  readonly #bySerial = new Map<Serial, Device>()

  static async read(stores: Stores, organisation: Serial, wanted: readonly Named[]): Promise<KnownDevices> {
    const known = new KnownDevices()
    const found = await stores.devices.listNamed({
      organisation,
      keys: wanted.map(({ key }) => key),
      ids: wanted.flatMap(({ id }) => id ?? []),
      serials: wanted.flatMap(({ serial }) => serial ?? []),
    })
    for (const device of found) {
      if (device.organisation === organisation) known.#byKey.set(device.key, device)
      known.#byId.set(device.id, device)
      known.#bySerial.set(device.serial, device)
    }
    return known
  }

  /** The one of the organisation with this key. */
  withKey(key: string): Device | undefined {
    return this.#byKey.get(key)
  }

  hasId(id: string): boolean {
    return this.#byId.has(id)
  }

  hasSerial(serial: Serial): boolean {
    return this.#bySerial.has(serial)
  }
}

/** Who has the vendors' names and bearer tokens that many devices would like to have; one query per slot and scheme. */
export class KnownNames {
  readonly #aliases = new Map<string, Alias>()
  readonly #credentials = new Map<string, Credential>()

  static async read(
    stores: Stores,
    names: readonly Name[],
    credentials: readonly CredentialInput[],
  ): Promise<KnownNames> {
    const known = new KnownNames()
    if (names.length > 0)
      for (const alias of await stores.aliases.listNamed(names)) known.#aliases.set(nameOf(alias), alias)
    for (const [scheme, given] of Map.groupBy(credentials, (one) => one.scheme)) {
      const hashes = given.flatMap((one) => bearerHash(one) ?? [])
      if (hashes.length === 0) continue
      for (const credential of await stores.credentials.listByHashes(scheme, hashes))
        known.#credentials.set(`${scheme} ${credential.hash}`, credential)
    }
    return known
  }

  alias(name: Name): Alias | undefined {
    return this.#aliases.get(nameOf(name))
  }

  /** Whose bearer token it is; sealed secrets may be anybody's. */
  credential(input: CredentialInput): Credential | undefined {
    return this.#credentials.get(`${input.scheme} ${bearerHash(input)}`)
  }
}

/** The hash under which a bearer token must be unique; undefined for secrets that may be equal. */
export function bearerHash({ secret, recoverable }: CredentialInput): string | undefined {
  return secret === undefined || recoverable ? undefined : hashToken(secret)
}

export function nameOf({ slot, scope, name }: Name): string {
  return JSON.stringify([slot, scope, name])
}
