import type { CredentialInput } from '../../core/device/credential-service.ts'
import type { Device } from '../../core/device/device.ts'
import { findGroup } from '../../core/device/group-service.ts'
import { hashToken } from '../../core/device/secret-hash.ts'
import { invalid } from '../../core/errors.ts'
import { findProduct } from '../../core/product/product-service.ts'
import { readCredentials, SCHEMES } from '../credential-schemes.ts'
import type { FleetDevice, FleetOrganisation } from './fleet-file.ts'
import { differing, type FleetRun } from './fleet-run.ts'

type FleetGroup = NonNullable<FleetOrganisation['groups']>[number]

/** Makes or changes one group and its token. */
export async function applyGroup(run: FleetRun, wanted: FleetGroup): Promise<void> {
  const { services, stores, scope } = run
  const what = `${run.name}/${wanted.key}`
  let group = await stores.groups.findByKey(scope.organisation, wanted.key)
  if (!group) {
    group = await services.groups.create(scope, {
      key: wanted.key,
      ...(wanted.name !== undefined && { name: wanted.name }),
      ...(wanted.id !== undefined && { id: wanted.id }),
    })
    run.changes.push({ action: 'create', kind: 'group', what })
  } else if (wanted.name !== undefined && wanted.name !== group.name) {
    await services.groups.update(scope, group.id, { name: wanted.name })
    run.changes.push({ action: 'change', kind: 'group', what, fields: ['name'] })
  }
  const token = wanted.iotaap?.token
  if (token === undefined) return
  const owner = { group: group.serial }
  const existing = await stores.credentials.listByGroup(group.serial, 'iotaap')
  if (existing.some((one) => one.hash === hashToken(token))) return
  await services.credentials.rotate(scope, owner, { scheme: 'iotaap', secret: token, recoverable: true }, 0)
  run.changes.push({ action: existing.length ? 'change' : 'create', kind: 'credential', what: `${what} iotaap` })
}

/** Makes or changes one device with its credentials. */
export async function applyDevice(run: FleetRun, wanted: FleetDevice): Promise<void> {
  const { services, stores, scope } = run
  const what = `${run.name}/${wanted.key}`
  const product = wanted.product && (await findProduct(stores, scope.organisation, wanted.product)).serial
  const group = wanted.group && (await findGroup(stores, scope.organisation, wanted.group)).serial
  const { credentials, aliases, number, generated } = readCredentials(wanted.credentials ?? {}, run.deps.ids)
  const facts = {
    ...(wanted.name !== undefined && { name: wanted.name }),
    ...(product !== undefined && product !== '' && { product }),
    ...(group !== undefined && group !== '' && { group }),
    ...(wanted.tags && { tags: wanted.tags }),
  }
  let device = await stores.devices.findByKey(scope.organisation, wanted.key)
  let isNew = false
  if (!device) {
    device = await services.devices.create(scope, {
      key: wanted.key,
      ...facts,
      aliases,
      ...(wanted.attributes && { attributes: wanted.attributes }),
      ...(wanted.id !== undefined && { id: wanted.id }),
      ...(number !== undefined && { serial: number }),
    })
    run.changes.push({ action: 'create', kind: 'device', what })
    isNew = true
  } else if (number !== undefined && number !== device.serial) {
    throw invalid('spokeZone.id', `is fixed when a device is made; this one has ${device.serial}`)
  }
  const after = { ...facts, aliases, attributes: wanted.attributes, status: wanted.status }
  const patch = await changeDevice(run, device, after)
  if (patch && !isNew) run.deviceChanges.push({ before: device, after: { ...device, ...patch } })
  const madeUp = new Map(
    Object.entries(generated).map(([field, members]) => [nameOf(field), Object.values(members)[0]]),
  )
  for (const credential of credentials)
    await applyCredential(run, device, { credential, token: madeUp.get(credential.scheme) })
}

async function changeDevice(
  run: FleetRun,
  device: Device,
  wanted: { [K in keyof Device]?: Device[K] | undefined },
): Promise<Partial<Device> | undefined> {
  const { attributes, aliases, ...rest } = wanted
  const patch = differing<Device>(device, {
    ...(rest as Partial<Device>),
    // Reported attributes stay: the file only adds to them.
    ...(attributes && { attributes: { ...device.attributes, ...attributes } }),
    ...(aliases && { aliases: { ...device.aliases, ...aliases } }),
  })
  if (Object.keys(patch).length === 0) return undefined
  await run.services.devices.update(run.scope, device.id, patch)
  const what = `${run.name}/${device.key}`
  run.changes.push({ action: 'change', kind: 'device', what, fields: Object.keys(patch) })
  return patch
}

/** Stores a credential that differs from what the device has; one that was made up only where the device has none. */
async function applyCredential(
  run: FleetRun,
  device: Device,
  wanted: { credential: CredentialInput; token: string | undefined },
): Promise<void> {
  const { credential, token } = wanted
  const { scheme, secret, details = {} } = credential
  const existing = await run.stores.credentials.listByDevice(device.serial, scheme)
  const isThere = existing.some(
    (one) =>
      (token !== undefined || secret === undefined || one.hash === hashToken(secret)) &&
      Object.keys(differing(one, { details })).length === 0,
  )
  if (isThere) return
  await run.services.credentials.rotate(run.scope, { device: device.serial }, credential, 0)
  if (token !== undefined) run.secrets.push({ device: device.key, scheme, token })
  const what = `${run.name}/${device.key} ${scheme}`
  run.changes.push({ action: existing.length ? 'change' : 'create', kind: 'credential', what })
}

function nameOf(field: string): string {
  return Object.entries(SCHEMES).find(([name]) => name === field)?.[1].name ?? field
}
