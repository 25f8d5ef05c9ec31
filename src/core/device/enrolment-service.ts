import type { AccessKey } from '../access/access-key.ts'
import { isGranted } from '../access/access-key-service.ts'
import { OtaError } from '../errors.ts'
import type { Stores } from '../ports.ts'
import { findProduct } from '../product/product-service.ts'
import type { Scope, ServiceDeps } from '../service.ts'
import type { CredentialService } from './credential-service.ts'
import type { Device } from './device.ts'
import type { DeviceService } from './device-service.ts'
import { hashToken } from './secret-hash.ts'

export interface Enrolment {
  /** Key of the device. */
  readonly device: string
  /** Key of its product; the organisation's default unless given. */
  readonly product?: string
  /** The protocol of the credential. */
  readonly scheme: string
  /** The token by which the device will prove itself; made by the device. */
  readonly token: string
}

/** Devices that make themselves known, with a key that may do nothing else. */
export class EnrolmentService {
  readonly #deps: ServiceDeps
  readonly #devices: DeviceService
  readonly #credentials: CredentialService

  constructor(deps: ServiceDeps, services: { devices: DeviceService; credentials: CredentialService }) {
    this.#deps = deps
    this.#devices = services.devices
    this.#credentials = services.credentials
  }

  /**
   * Makes the device, or gives its first credential to one that an operator made without any; saying the same again
   * changes nothing. A device that has a credential is never taken over: that throws `conflict`. Throws `forbidden` for
   * a key that may not enrol, `not-found` for an unknown product, `conflict` for a token that another device has.
   */
  async enrol(accessKey: AccessKey, enrolment: Enrolment): Promise<{ device: Device; isNew: boolean }> {
    const { organisation } = accessKey
    if (accessKey.disabled || !isGranted(accessKey, organisation, 'enrol'))
      throw new OtaError('forbidden', 'This key may not enrol devices.')
    const scope: Scope = { actor: { kind: 'access-key', id: accessKey.id, name: accessKey.key }, organisation }
    return this.#deps.storage.transaction(async (stores) => {
      const known = await stores.devices.findByKey(organisation, enrolment.device)
      if (known) return { device: known, isNew: await this.#claim(stores, scope, { device: known, enrolment }) }
      const product =
        enrolment.product === undefined
          ? undefined
          : (await findProduct(stores, organisation, enrolment.product)).serial
      const device = await this.#devices.insert(stores, scope, {
        key: enrolment.device,
        ...(product !== undefined && { product }),
        credentials: [{ scheme: enrolment.scheme, secret: enrolment.token }],
      })
      return { device, isNew: true }
    })
  }

  async #claim(stores: Stores, scope: Scope, what: { device: Device; enrolment: Enrolment }): Promise<boolean> {
    const { device, enrolment } = what
    const { scheme, token } = enrolment
    const credentials = await stores.credentials.listByDevice(device.serial)
    if (credentials.some((one) => one.scheme === scheme && one.hash === hashToken(token))) return false
    if (credentials.length > 0) {
      const details = { entity: 'device', field: 'key' }
      throw new OtaError('conflict', 'A device of this key has a credential already.', { details })
    }
    await this.#credentials.add(stores, scope, { device: device.serial }, { scheme, secret: token })
    return true
  }
}
