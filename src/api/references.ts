import type { Id, Serial } from '../core/common.ts'
import type { Device, DeviceGroup } from '../core/device/device.ts'
import type { Firmware } from '../core/firmware/firmware.ts'
import type { Organisation } from '../core/organisation/organisation.ts'
import type { Stores } from '../core/ports.ts'
import type { Module, Product } from '../core/product/product.ts'
import type { Release } from '../core/release/release.ts'

/** How replies name another thing. */
export interface Reference {
  readonly id: Id
  readonly key: string
}

/** Turns the serials in rows into what people call the things; each is read once per request. */
export class References {
  readonly #stores: Stores
  readonly #memory = new Map<string, Promise<unknown>>()

  constructor(stores: Stores) {
    this.#stores = stores
  }

  organisation(serial: Serial | null): Promise<Reference | null> {
    return this.#named('organisation', serial, (one) => this.#stores.organisations.find(one))
  }

  product(serial: Serial | null): Promise<Reference | null> {
    return this.#named<Product>('product', serial, (one) => this.#stores.products.find(one))
  }

  module(serial: Serial | null): Promise<Reference | null> {
    return this.#named<Module>('module', serial, (one) => this.#stores.modules.find(one))
  }

  group(serial: Serial | null): Promise<Reference | null> {
    return this.#named<DeviceGroup>('group', serial, (one) => this.#stores.groups.find(one))
  }

  device(serial: Serial | null): Promise<Reference | null> {
    return this.#named<Device>('device', serial, (one) => this.#stores.devices.find(one))
  }

  rollout(serial: Serial | null): Promise<Reference | null> {
    return this.#named('rollout', serial, (one) => this.#stores.rollouts.find(one))
  }

  modulesOf(product: Serial): Promise<Module[]> {
    return this.#once(`modules/${product}`, () => this.#stores.modules.listByProduct(product))
  }

  firmware(serial: Serial): Promise<Firmware | undefined> {
    return this.#once(`firmware/${serial}`, () => this.#stores.firmware.find(serial))
  }

  release(serial: Serial): Promise<Release | undefined> {
    return this.#once(`release/${serial}`, () => this.#stores.releases.find(serial))
  }

  async #named<T extends Pick<Organisation, 'id' | 'key'>>(
    kind: string,
    serial: Serial | null,
    find: (serial: Serial) => Promise<T | undefined>,
  ): Promise<Reference | null> {
    if (serial === null) return null
    const row = await this.#once(`${kind}/${serial}`, () => find(serial))
    return row ? { id: row.id, key: row.key } : null
  }

  #once<T>(name: string, read: () => Promise<T>): Promise<T> {
    const known = this.#memory.get(name) as Promise<T> | undefined
    if (known) return known
    const reading = read()
    this.#memory.set(name, reading)
    return reading
  }
}
