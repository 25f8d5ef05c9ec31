import { BoundedMap } from '../bounded-map.ts'
import type { Id, Serial } from '../common.ts'
import type { Credential } from '../device/device.ts'
import type { DeviceFacts } from '../device/device-facts.ts'
import type { Caller } from '../device/device-store.ts'
import { createTokenLookup } from '../device/token-lookup.ts'
import { TokenMemory } from '../device/token-memory.ts'
import type { DeviceGateway, DeviceReference } from '../device-gateway.ts'
import type { Ports } from '../ports.ts'
import type { KnownDevices } from './known-devices.ts'

type Finding = Pick<DeviceGateway, 'find' | 'recall' | 'identify'>
type TokenReference = DeviceReference & { readonly by: 'token' }

/** Finds devices by the names that calls bring. `capacity`: names of each kind that are remembered. */
export function createFinding({ storage, clock }: Ports, devices: KnownDevices, capacity: number): Finding {
  const serials = new BoundedMap<Id, Serial>(capacity)
  const tokens = new TokenMemory(capacity)
  const lookUpToken = createTokenLookup(storage)

  function find(reference: DeviceReference): Promise<DeviceFacts | undefined> {
    switch (reference.by) {
      case 'serial':
        return devices.find(reference.serial)
      case 'id':
        return findById(reference.id)
      case 'token':
        return findByToken(reference)
      case 'name':
        return findByName(reference)
    }
  }

  function recall(reference: DeviceReference): DeviceFacts | undefined {
    const serial = recallSerial(reference)
    const held = serial === undefined ? undefined : devices.recall(serial)
    if (!held) return undefined
    return reference.by !== 'token' || hasToken(held, reference) ? held : undefined
  }

  function recallSerial(reference: DeviceReference): Serial | undefined {
    switch (reference.by) {
      case 'serial':
        return reference.serial
      case 'id':
        return serials.get(reference.id)
      case 'token':
        return tokens.get(reference.scheme, reference.hash)
      case 'name':
        return undefined
    }
  }

  async function identify(reference: TokenReference): Promise<Caller | undefined> {
    const serial = tokens.get(reference.scheme, reference.hash)
    const held = serial === undefined ? undefined : devices.recallCaller(serial)
    if (held && hasToken(held, reference)) return held.device
    const owner = await lookUpToken(reference)
    return owner && !isOver(owner) ? owner.device : undefined
  }

  function hasToken(held: DeviceFacts, { scheme, hash }: TokenReference): boolean {
    return held.credentials.some((one) => one.scheme === scheme && !isOver(one) && isBearer(one, hash))
  }

  function isOver({ expiresAt }: Pick<Credential, 'expiresAt'>): boolean {
    return expiresAt !== null && clock.now() >= expiresAt
  }

  async function findById(id: Id): Promise<DeviceFacts | undefined> {
    const known = serials.get(id)
    const held = known === undefined ? undefined : await devices.find(known)
    if (held) return held
    const device = await storage.read.devices.findByIdOnServer(id)
    if (!device) return undefined
    serials.set(id, device.serial)
    return devices.find(device.serial)
  }

  async function findByToken(reference: TokenReference): Promise<DeviceFacts | undefined> {
    const { scheme, hash } = reference
    const device = tokens.get(scheme, hash)
    const remembered = device === undefined ? undefined : await devices.find(device)
    if (remembered && hasToken(remembered, reference)) return remembered
    const credential = await storage.read.credentials.findByHash(scheme, hash)
    if (!credential || credential.device === null || isOver(credential)) return undefined
    const known = await devices.find(credential.device)
    const held = known?.credentials.find(({ serial }) => serial === credential.serial)
    tokens.set(scheme, held?.hash ?? hash, credential.device)
    // Made elsewhere a moment ago: it is not among the facts in memory yet.
    return known && !held ? devices.load(credential.device) : known
  }

  async function findByName(reference: DeviceReference & { by: 'name' }): Promise<DeviceFacts | undefined> {
    const alias = await storage.read.aliases.find(reference.slot, reference.product, reference.name)
    if (alias) return devices.find(alias.owner)
    const product = await storage.read.products.find(reference.product)
    const device = product && (await storage.read.devices.findByKey(product.organisation, reference.name))
    const isMeant = device && device.product === reference.product && !(reference.slot in device.aliases)
    return isMeant ? devices.find(device.serial) : undefined
  }

  return { find, recall, identify }
}

function isBearer(credential: Credential, hash: string): boolean {
  return credential.hash === hash && credential.sealed === null
}
