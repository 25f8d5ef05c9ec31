import { beforeAll, describe, expect, it } from 'vitest'
import { fixedClock } from '../../../test/support/fixed-clock.ts'
import { createTestCore, pushFirmware } from '../../../test/support/test-core.ts'
import type { Core } from '../create-core.ts'
import type { Organisation } from '../organisation/organisation.ts'
import type { Scope } from '../service.ts'
import type { Actor, Event } from './event.ts'
import { EVENT_TYPES, type EventType } from './event-types.ts'

const OPS: Actor = { kind: 'account', id: 'a'.repeat(24), name: 'ops@example.test' }

describe('events of operators', () => {
  let core: Core
  let organisation: Organisation
  let scope: Scope
  let events: readonly Event[]
  beforeAll(async () => {
    core = createTestCore({ clock: fixedClock() })
    organisation = await core.organisations.create(OPS, { key: 'acme', name: 'Acme' })
    scope = { actor: OPS, organisation: organisation.serial }
    await operate(core, scope)
    events = await core.deps.storage.read.events.list({}, { limit: 1000 })
  })
  const last = (type: EventType) =>
    events.findLast(
      (event) => event.type === type && (event.organisation ?? organisation.serial) === organisation.serial,
    )

  it('are all of types that are declared, with the facts that are declared', () => {
    const wrong = events.filter(({ type, details }) => {
      const declared = Object.keys(EVENT_TYPES[type as EventType]?.details ?? {})
      const facts = Object.keys(details)
      return (
        !(type in EVENT_TYPES) ||
        facts.some((fact) => !declared.includes(fact) && !declared.includes(`${fact}?`)) ||
        declared.some((fact) => !fact.endsWith('?') && !facts.includes(fact))
      )
    })
    expect(wrong).toEqual([])
    expect(new Set(events.map(({ type }) => type)).size).toBeGreaterThan(25)
  })

  it('say who did it', () => {
    expect(new Set(events.map(({ actor }) => actor.id))).toEqual(new Set([OPS.id]))
  })

  it.each<[EventType, object]>([
    ['organisation.created', { key: 'acme', name: 'Acme' }],
    ['organisation.changed', { before: { defaultProduct: null }, after: { defaultProduct: 'panel' } }],
    ['account.created', { email: 'new@example.test', isAdministrator: false }],
    ['membership.set', { email: 'new@example.test', before: 'viewer', after: 'operator' }],
    ['membership.removed', { email: 'new@example.test', before: 'operator' }],
    ['token.revoked', { name: 'ci', scope: 'read' }],
    ['access-key.created', { key: 'k', name: '', permissions: ['read'] }],
    ['product.created', { key: 'panel', distribution: 'catalogue', modules: ['main'] }],
    ['product.changed', { before: { downgrades: 'guarded' }, after: { downgrades: 'forbidden' } }],
    ['floor.created', { product: 'panel', module: 'main', version: '2.0.0', reason: 'R' }],
    ['floor.deleted', { product: 'panel', module: 'main', version: '2.0.0', reason: 'R' }],
    ['group.created', { key: 'pilot' }],
    ['device.created', { key: 'truck', product: 'panel', group: 'pilot' }],
    [
      'device.changed',
      { before: { name: 'truck', group: 'pilot', tags: {} }, after: { name: 'T', group: null, tags: { a: '1' } } },
    ],
    ['credential.removed', { scheme: 'iotaap', device: expect.stringMatching(/^[0-9a-f]{24}$/) }],
    ['assignment.removed', { release: expect.any(String), version: '2.0.0', device: expect.any(String) }],
    ['device.deleted', { key: 'truck' }],
  ])('%s tells what changed', (type, details) => {
    expect(last(type)?.details).toEqual(details)
  })

  it('tell what an access key could do before and can do now', () => {
    const changes = events.filter(({ type }) => type === 'access-key.changed').map(({ details }) => details)
    expect(changes).toEqual([
      { before: { permissions: ['read'], disabled: false }, after: { permissions: ['read', 'write'], disabled: true } },
      {
        before: { grant: { organisation: 'other', permissions: [] } },
        after: { grant: { organisation: 'other', permissions: ['read'] } },
      },
    ])
  })

  it('tell what an assignment replaced', () => {
    const made = events.filter(({ type }) => type === 'assignment.made').map(({ details }) => details)
    expect(made).toMatchObject([
      { version: '1.0.0', before: null, device: expect.any(String) },
      { version: '2.0.0', before: '1.0.0', device: expect.any(String) },
    ])
  })
})

async function operate(core: Core, scope: Scope): Promise<void> {
  await operatePeople(core, scope)
  const { product } = await core.products.create(scope, { key: 'panel' })
  await core.organisations.update(scope, { defaultProduct: product.serial })
  const group = await core.groups.create(scope, { key: 'pilot' })
  const device = await core.devices.create(scope, {
    key: 'truck',
    group: group.serial,
    credentials: [{ scheme: 'iotaap', secret: 'token', recoverable: true }],
  })
  await core.devices.update(scope, 'truck', { name: 'T', group: null, tags: { a: '1' } })
  await core.groups.changeMembers(scope, 'pilot', { add: ['truck'], remove: [] })
  await core.groups.changeMembers(scope, 'pilot', { add: [], remove: ['truck'] })
  await core.credentials.remove(scope, { device: device.serial }, 'iotaap')
  for (const version of ['1.0.0', '2.0.0']) {
    const { firmware } = await pushFirmware(core, scope, 'panel', version)
    const { assignment } = await core.assignments.assign(scope, { device: 'truck' }, { firmware: firmware.id })
    if (version === '2.0.0') await core.assignments.remove(scope, assignment.id)
  }
  const { floor } = await core.floors.create(scope, { product: 'panel', firmware: { version: '2.0.0' }, reason: 'R' })
  await core.floors.delete(scope, floor.id)
  await core.products.update(scope, 'panel', { downgrades: 'forbidden' })
  await core.products.addModule(scope, 'panel', { key: 'extra' })
  await core.products.deleteModule(scope, 'panel', 'extra')
  await core.devices.delete(scope, 'truck')
  await core.organisations.freezeServer(OPS, true)
  await core.organisations.freezeServer(OPS, false)
}

async function operatePeople(core: Core, scope: Scope): Promise<void> {
  const owner = await core.accounts.create(OPS, { email: 'owner@example.test', password: 'long enough' })
  await core.accounts.setRole(scope, owner.id, 'owner')
  const account = await core.accounts.create(OPS, { email: 'new@example.test', password: 'long enough' })
  await core.accounts.setRole(scope, account.id, 'viewer')
  await core.accounts.setRole(scope, account.id, 'operator')
  await core.accounts.removeMember(scope, account.id)
  await core.accounts.setPassword(OPS, account.id, 'still long enough')
  const { token } = await core.apiTokens.create(OPS, owner, { name: 'ci', scope: 'read' })
  await core.apiTokens.revoke(OPS, owner.serial, token.id)
  const other = await core.organisations.create(OPS, { key: 'other' })
  await core.organisations.update({ ...scope, organisation: other.serial }, { name: 'Other' })
  const { accessKey } = await core.accessKeys.create(scope, { key: 'k' })
  await core.accessKeys.update(scope, accessKey.id, { permissions: ['read', 'write'], disabled: true })
  await core.accessKeys.grant(scope, accessKey.id, { organisation: other.serial, permissions: ['read'] })
  await core.accessKeys.issueProof(scope, accessKey.id)
  await core.accessKeys.delete(scope, accessKey.id)
}
