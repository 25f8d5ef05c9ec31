import type { DeviceFacts } from '../../../src/core/device/device-facts.ts'
import { newDeadLetter } from '../../support/rows.ts'
import { bytesOf } from '../../support/test-core.ts'
import { type Api, BASE, expectDone, type Tenant } from './fixture.ts'

/** One of each thing in an organisation: parameter of a path -> id. */
export type Sample = Readonly<Record<string, string>>

/** Fills an organisation through the API (and over the gateway, where only devices can). */
export async function makeSample(api: Api, tenant: Tenant): Promise<Sample> {
  const { owner, operator } = tenant
  const product = expectDone(await operator.post('/products', { key: 'panel' }), 201)
  const group = expectDone(await operator.post('/groups', { key: 'pilot' }), 201)
  const device = expectDone(
    await operator.post('/devices', { key: 'truck-1', product: 'panel', credentials: { native: {}, iotaap: {} } }),
    201,
  )
  const firmware = expectDone(
    await operator.call('POST', '/firmware?product=panel&version=1.0.0', {
      payload: Buffer.from(`firmware of ${tenant.organisation.key}`),
      headers: { 'content-type': 'application/octet-stream' },
    }),
    201,
  )
  const release = expectDone(
    await operator.post('/releases', { product: 'panel', version: '2026.1', firmware: { main: '1.0.0' } }),
    201,
  )
  const assignment = expectDone(await operator.post('/assignments', { device: 'truck-1', release: release.id }), 201)
  const rollout = expectDone(
    await operator.post('/rollouts', { key: 'sample', release: release.id, select: { devices: [device.id] } }),
    201,
  )
  const accessKey = expectDone(await owner.post('/access-keys', { name: 'program' }), 201)
  const { items: accounts } = expectDone(await owner.get('/accounts'))
  expectDone(await owner.call('PUT', '/groups/pilot/credentials/iotaap', { body: {} }))
  const { items: tokens } = expectDone(await owner.get('/tokens'))
  const webhook = expectDone(await owner.post('/webhooks', { url: 'https://hooks.example.test/x' }), 201)
  const letter = await api.core.deps.storage.transaction(async (stores) => {
    const row = await stores.webhooks.findById(tenant.organisation.serial, webhook.id)
    if (!row) throw new Error('no webhook was made')
    return stores.deadLetters.insert(newDeadLetter(row))
  })
  const floor = expectDone(
    await operator.post('/products/panel/floors', { version: '1.0.0', reason: 'none may jump over it' }),
    201,
  )
  const { items: events } = expectDone(await owner.get('/events'))
  const facts = await factsOf(api, device.number)
  const update = await api.core.gateway.grant(facts, { via: 'native', reporting: 'progress' })
  if (!update) throw new Error('nothing was granted')
  const announced = await api.core.dataFiles.announce(facts, { type: 'log' })
  const staged = await api.core.deps.blobs.stage(bytesOf('lines of a log'), { maxBytes: 1000 })
  const dataFile = await api.core.dataFiles.store(facts, announced.serial, staged)
  return {
    organisation: tenant.organisation.id,
    account: accounts[0].id,
    token: tokens[0].id,
    accessKey: accessKey.id,
    product: product.id,
    module: 'main',
    group: group.id,
    device: device.id,
    target: device.id,
    scheme: 'iotaap',
    firmware: firmware.id,
    floor: floor.id,
    release: release.id,
    assignment: assignment.assignment.id,
    rollout: rollout.id,
    update: update.id,
    dataFile: dataFile.id,
    event: events[0].id,
    webhook: webhook.id,
    letter: letter.id,
  }
}

export async function factsOf(api: Api, device: number): Promise<DeviceFacts> {
  const facts = await api.core.gateway.find({ by: 'serial', serial: device })
  if (!facts) throw new Error('no such device')
  return facts
}

/** The address of a route with its parameters filled in. */
export function urlOf(path: string, sample: Sample): string {
  return `${BASE}${path.replace(/:(\w+)/g, (_match, name: string) => sample[name] ?? 'x')}`
}

/** For each route with a body (or a needed query): the least that its schema takes. */
export const LEAST: Readonly<Record<string, { body?: unknown; query?: string }>> = {
  'session.login': { body: { email: 'a@b', password: 'x' } },
  'session.set-password': { body: { current: 'x', password: 'long enough' } },
  'tokens.create': { body: { name: 'x', scope: 'read' } },
  'organisations.create': { body: { key: 'new' } },
  'organisations.change': { body: { name: 'x' } },
  'server.create-account': { body: { email: 'new@example.org', password: 'long enough' } },
  'accounts.create': { body: { email: 'new@example.org', password: 'long enough' } },
  'accounts.set-role': { body: { role: 'viewer' } },
  'accounts.set-password': { body: { password: 'long enough' } },
  'access-keys.create': { body: {} },
  'access-keys.change': { body: { name: 'x' } },
  'access-keys.grant': { body: { permissions: ['read'] } },
  'products.create': { body: { key: 'new' } },
  'products.change': { body: { name: 'x' } },
  'products.create-module': { body: { key: 'new' } },
  'products.change-module': { body: { name: 'x' } },
  'groups.create': { body: { key: 'new' } },
  'groups.change': { body: { name: 'x' } },
  'groups.change-members': { body: {} },
  'devices.create': { body: { key: 'new' } },
  'devices.change': { body: { name: 'x' } },
  'devices.set-native': { body: {} },
  'devices.set-iotaap': { body: {} },
  'devices.set-spoke-zone': { body: { cpuId: 'c', uuid: 'u' } },
  'devices.set-enos': { body: {} },
  'devices.set-hawkbit': { body: {} },
  'devices.issue-token': { query: '?protocol=spoke-zone' },
  'groups.set-iotaap': { body: {} },
  'firmware.change': { body: { notes: 'x' } },
  'floors.create': { body: { version: '1.0.0', reason: 'x' } },
  'floors.change': { body: { reason: 'x' } },
  'releases.create': { body: { product: 'panel', version: '9', firmware: { main: '1.0.0' } } },
  'assignments.create': { body: { device: 'truck-1', product: 'panel', version: '1.0.0' } },
  'assignments.put-device': { body: { product: 'panel', version: '1.0.0' } },
  'rollouts.create': { body: { product: 'panel', version: '1.0.0' } },
  'rollouts.plan-new': { body: { product: 'panel', version: '1.0.0' } },
  'rollouts.change': { body: { name: 'x' } },
  'rollouts.resume': { body: {} },
  'rollouts.stop': { body: {} },
  'rollouts.approve': { body: {} },
  'rollouts.undo': { body: {} },
  'rollouts.plan-undo': { body: {} },
  'rollouts.retry': { body: {} },
  'rollouts.exclude': { body: { devices: ['truck-1'] } },
  'webhooks.create': { body: { url: 'https://hooks.example.test/y' } },
  'webhooks.change': { body: { name: 'x' } },
  'webhooks.rotate-secret': { body: {} },
  'events.stream': { query: '?follow=false' },
  'assignments.put-group': { body: { product: 'panel', version: '1.0.0' } },
}
