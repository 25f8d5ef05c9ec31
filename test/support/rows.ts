import type { AccessKey, AccessToken } from '../../src/core/access/access-key.ts'
import type { Account, ApiToken } from '../../src/core/account/account.ts'
import type { Assignment } from '../../src/core/assignment/assignment.ts'
import type { Id, New, Serial } from '../../src/core/common.ts'
import type { DataFile } from '../../src/core/data-file/data-file.ts'
import type { Credential, Device, DeviceGroup } from '../../src/core/device/device.ts'
import { type Event, SYSTEM } from '../../src/core/event/event.ts'
import type { Artifact, Firmware } from '../../src/core/firmware/firmware.ts'
import type { Floor } from '../../src/core/floor/floor.ts'
import type { Organisation } from '../../src/core/organisation/organisation.ts'
import type { Module, Product } from '../../src/core/product/product.ts'
import type { Release } from '../../src/core/release/release.ts'
import type { Update } from '../../src/core/update/update.ts'
import type { DeadLetter, Webhook } from '../../src/core/webhook/webhook.ts'
import { START } from './fixed-clock.ts'

/**
 * Rows that are valid as they stand and differ from each other, ready to be inserted. Each takes what it belongs to
 * first, then whatever the test is about.
 */

let drawn = 0

export function nextNumber(): number {
  drawn += 1
  return drawn
}

export function someId(): Id {
  return nextNumber().toString(16).padStart(24, '0')
}

/** 64 hex digits that no other call returns. */
export function someHash(): string {
  return nextNumber().toString(16).padStart(64, '0')
}

export function entity(): { id: Id; createdAt: number } {
  return { id: someId(), createdAt: START }
}

export interface Owned {
  readonly serial: Serial
  readonly organisation: Serial
}

export function newOrganisation(given: Partial<New<Organisation>> = {}): New<Organisation> {
  const key = `organisation-${nextNumber()}`
  return { ...entity(), key, name: key, defaultProduct: null, frozen: false, aliases: {}, settings: {}, ...given }
}

export function newAccount(given: Partial<New<Account>> = {}): New<Account> {
  return {
    ...entity(),
    email: `person-${nextNumber()}@example.test`,
    passwordHash: 'hash',
    isAdministrator: false,
    failedLogins: 0,
    lockedUntil: 0,
    generation: 1,
    ...given,
  }
}

export function newApiToken(account: Serial, given: Partial<New<ApiToken>> = {}): New<ApiToken> {
  return {
    ...entity(),
    account,
    name: 'token',
    hash: someHash(),
    scope: 'write',
    organisation: null,
    expiresAt: null,
    revokedAt: null,
    lastUsedAt: null,
    ...given,
  }
}

export function newAccessKey(organisation: Serial, given: Partial<New<AccessKey>> = {}): New<AccessKey> {
  return {
    ...entity(),
    organisation,
    key: `access-key-${nextNumber()}`,
    name: 'program',
    sealedSecret: 'sealed',
    grants: [{ organisation, permissions: ['read', 'write'] }],
    disabled: false,
    proofHash: null,
    ...given,
  }
}

export function newAccessToken(accessKey: Serial, given: Partial<AccessToken> = {}): AccessToken {
  return { hash: someHash(), accessKey, sealed: 'sealed', expiresAt: START + 1000, isCurrent: true, ...given }
}

export function newProduct(organisation: Serial, given: Partial<New<Product>> = {}): New<Product> {
  const key = `product-${nextNumber()}`
  return {
    ...entity(),
    organisation,
    key,
    name: key,
    distribution: 'managed',
    downgrades: 'guarded',
    aliases: {},
    ...given,
  }
}

/** The primary module `main`, unless something else is given. */
export function newModule(product: Owned, given: Partial<New<Module>> = {}): New<Module> {
  const { organisation, serial } = product
  return { ...entity(), organisation, product: serial, key: 'main', name: 'Main', isPrimary: true, ...given }
}

export function newDevice(organisation: Serial, given: Partial<New<Device>> = {}): New<Device> {
  const key = `device-${nextNumber()}`
  return {
    ...entity(),
    organisation,
    key,
    name: key,
    product: null,
    group: null,
    status: 'active',
    tags: {},
    attributes: {},
    aliases: {},
    lastSeenAt: null,
    ...given,
  }
}

export function newGroup(organisation: Serial, given: Partial<New<DeviceGroup>> = {}): New<DeviceGroup> {
  const key = `group-${nextNumber()}`
  return { ...entity(), organisation, key, name: key, ...given }
}

export function newCredential(device: Owned, given: Partial<New<Credential>> = {}): New<Credential> {
  return {
    ...entity(),
    organisation: device.organisation,
    device: device.serial,
    group: null,
    scheme: 'native',
    hash: someHash(),
    sealed: null,
    generation: 1,
    expiresAt: null,
    details: {},
    ...given,
  }
}

/** A library firmware without product and module, unless they are given. */
export function newFirmware(organisation: Serial, given: Partial<New<Firmware>> = {}): New<Firmware> {
  const number = nextNumber()
  return {
    ...entity(),
    organisation,
    product: null,
    module: null,
    version: `1.0.${number}`,
    sequence: null,
    fromVersions: null,
    scope: 'library',
    sealed: false,
    active: false,
    withdrawn: false,
    name: { default: `Firmware ${number}`, locales: {} },
    description: null,
    notes: '',
    tags: {},
    verification: { enabled: false, verified: false, maxDevices: 1, minSucceeded: 1 },
    declaredDigest: { method: 'sha256', value: someHash() },
    fileAlias: `${someHash()}.bin`,
    warnings: [],
    releasedAt: null,
    signature: null,
    ...given,
  }
}

/** Of firmware that has a product and a module. */
export function newFloor(
  firmware: Owned & { readonly product: Serial | null; readonly module: Serial | null },
  given: Partial<New<Floor>> = {},
): New<Floor> {
  const { organisation, product, module, serial } = firmware
  return {
    ...entity(),
    organisation,
    product: product ?? 0,
    module: module ?? 0,
    firmware: serial,
    reason: 'none may jump over it',
    ...given,
  }
}

export function newArtifact(firmware: Owned, given: Partial<New<Artifact>> = {}): New<Artifact> {
  return {
    ...entity(),
    organisation: firmware.organisation,
    firmware: firmware.serial,
    sha256: someHash(),
    sha1: someHash().slice(24),
    md5: someHash().slice(32),
    size: 1024,
    name: 'firmware.bin',
    isPrimary: true,
    ...given,
  }
}

/** The silent release of a firmware, unless something else is given. */
export function newRelease(
  firmware: Owned & { readonly product: Serial | null; readonly version: string },
  given: Partial<New<Release>> = {},
): New<Release> {
  const { organisation, product, version, serial } = firmware
  return { ...entity(), organisation, product, version, isSilent: true, firmware: [serial], ...given }
}

/** Of a release to a device, or, with `{ device: null, group }`, to a group. */
export function newAssignment(
  device: Owned,
  release: { readonly serial: Serial },
  given: Partial<New<Assignment>> = {},
): New<Assignment> {
  const { organisation, serial } = device
  return {
    ...entity(),
    organisation,
    device: serial,
    group: null,
    release: release.serial,
    assignedAt: START,
    ...given,
  }
}

export function newUpdate(
  device: Owned,
  release: { readonly serial: Serial },
  given: Partial<New<Update>> = {},
): New<Update> {
  return {
    ...entity(),
    organisation: device.organisation,
    device: device.serial,
    release: release.serial,
    assignment: null,
    rollout: null,
    via: 'native',
    state: 'pending',
    attempt: 1,
    progress: 0,
    reason: '',
    steps: [],
    changedAt: START,
    closedAt: null,
    confirmAfter: null,
    deadline: null,
    timeOuts: null,
    ...given,
  }
}

export function newEvent(
  organisation: Serial | null,
  given: Partial<Omit<Event, 'serial'>> = {},
): Omit<Event, 'serial'> {
  return {
    id: someId(),
    at: START,
    organisation,
    type: 'device.created',
    actor: SYSTEM,
    subject: { kind: 'device', id: someId() },
    details: {},
    ...given,
  }
}

export function newWebhook(organisation: Serial, given: Partial<New<Webhook>> = {}): New<Webhook> {
  return {
    ...entity(),
    organisation,
    name: 'webhook',
    url: `https://hooks.example.test/${nextNumber()}`,
    sealedSecret: 'sealed',
    sealedFormer: null,
    formerUntil: null,
    types: [],
    active: true,
    ...given,
  }
}

export function newDeadLetter(webhook: Owned, given: Partial<New<DeadLetter>> = {}): New<DeadLetter> {
  return {
    ...entity(),
    organisation: webhook.organisation,
    webhook: webhook.serial,
    event: someId(),
    type: 'device.created',
    body: '{"type":"device.created"}',
    attempts: 3,
    lastStatus: 500,
    lastError: 'it answered 500',
    queuedAt: null,
    ...given,
  }
}

export function newDataFile(device: Owned, given: Partial<New<DataFile>> = {}): New<DataFile> {
  return {
    ...entity(),
    organisation: device.organisation,
    device: device.serial,
    type: 'log',
    module: null,
    sha256: null,
    size: 0,
    uploadedAt: null,
    ...given,
  }
}
