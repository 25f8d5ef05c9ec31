import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SYSTEM } from '../../../src/core/event/event.ts'
import { STORAGES } from '../../support/storages.ts'
import { comparable, PollFleet, PROTOCOLS, type ProtocolName, requestOf } from './poll-fleet.ts'
import { askOnce } from './wire.ts'

/** Something that happens while a device is warm; `undo` takes it back. */
interface Happening {
  readonly what: string
  readonly happens: (fleet: PollFleet) => Promise<unknown>
  readonly undo?: (fleet: PollFleet) => Promise<unknown>
}

const spring = { key: 'spring', release: { product: 'panel', version: '1.1.0' } }
const PERSON = { kind: 'account', id: 'a'.repeat(24), name: 'operator' } as const
const VERSION = { product: 'panel', version: '1.1.0' }

const assigned = (device: ProtocolName, version: string): Happening => ({
  what: `another version is assigned`,
  happens: ({ server, scope }) => server.core.assignments.assign(scope, { device }, { product: 'panel', version }),
})

const disabled = (device: ProtocolName): Happening => ({
  what: 'the device is disabled',
  happens: ({ server, scope }) => server.core.devices.update(scope, device, { status: 'disabled' }),
  undo: ({ server, scope }) => server.core.devices.update(scope, device, { status: 'active' }),
})

const frozen: Happening = {
  what: 'the organisation is frozen',
  happens: ({ server, scope }) => server.core.organisations.update(scope, { frozen: true }),
  undo: ({ server, scope }) => server.core.organisations.update(scope, { frozen: false }),
}

const serverFrozen: Happening = {
  what: 'the server is frozen',
  happens: ({ server }) => server.core.organisations.freezeServer(SYSTEM, true),
  undo: ({ server }) => server.core.organisations.freezeServer(SYSTEM, false),
}

const withoutCredential = (device: ProtocolName): Happening => ({
  what: 'its credential is taken away',
  happens: async (fleet) => {
    const { serial } = await fleet.device(device)
    await fleet.server.core.credentials.remove(fleet.scope, { device: serial }, device)
  },
})

const rotated = (device: ProtocolName, secret: string): Happening => ({
  what: 'its credential is replaced and the old one ends with time alone',
  happens: async (fleet) => {
    const { serial } = await fleet.device(device)
    await fleet.server.core.credentials.rotate(fleet.scope, { device: serial }, { scheme: device, secret }, 60)
    await warm(fleet, device)
    fleet.server.clock.advance(60_000)
  },
})

const gone = (device: ProtocolName): Happening => ({
  what: 'the device is deleted',
  happens: ({ server, scope }) => server.core.devices.delete(scope, device),
})

const withdrawn: Happening = {
  what: 'its firmware is withdrawn',
  happens: ({ server, scope, firmware }) =>
    server.core.firmware.update(scope, firmware.firmware.id, { withdrawn: true }),
  undo: ({ server, scope, firmware }) => server.core.firmware.update(scope, firmware.firmware.id, { withdrawn: false }),
}

const HAPPENINGS: Readonly<Record<ProtocolName, readonly Happening[]>> = {
  native: [
    assigned('native', '1.1.0'),
    disabled('native'),
    {
      what: 'something is assigned while the organisation is frozen',
      happens: async (fleet) => {
        await frozen.happens(fleet)
        await assigned('native', '1.1.0').happens(fleet)
      },
    },
    withoutCredential('native'),
    rotated('native', 'another-token-of-the-device-natively-001'),
    gone('native'),
    {
      what: 'a rollout begins',
      happens: async ({ server, scope }) => {
        await server.core.rollouts.create(scope, spring)
        await server.core.rolloutControl.start(scope, 'spring')
      },
    },
    {
      what: 'the rollout that it waits for is paused',
      happens: ({ server, scope }) => server.core.rolloutControl.pause(scope, 'late'),
    },
    {
      what: 'the stage that it waits for is approved',
      happens: ({ server, scope }) => server.core.rolloutControl.approve({ ...scope, actor: PERSON }, 'late'),
    },
    {
      what: 'it says through another call what it runs',
      happens: (fleet) =>
        askOnce(fleet.port, requestOf(fleet.polls.native, { body: '{"running":{"main":"1.1.0"}}' })).then(() =>
          fleet.server.core.assignments.assign(fleet.scope, { device: 'native' }, VERSION),
        ),
    },
  ],
  'spoke-zone': [
    disabled('spoke-zone'),
    frozen,
    serverFrozen,
    withoutCredential('spoke-zone'),
    gone('spoke-zone'),
    withdrawn,
    {
      what: 'its tokens are revoked',
      happens: async (fleet) => {
        const { serial } = await fleet.device('spoke-zone')
        await fleet.server.core.credentials.revokeSigned(fleet.scope, { device: serial }, 'spoke-zone')
      },
    },
    {
      what: 'its token expires',
      happens: async ({ server }) => server.clock.advance(400 * 86_400_000),
    },
    {
      what: 'a file is no longer active',
      happens: ({ server, scope, firmware }) =>
        server.core.firmware.update(scope, firmware.firmware.id, { active: false }),
      undo: ({ server, scope, firmware }) => server.core.firmware.update(scope, firmware.firmware.id, { active: true }),
    },
    {
      what: 'its product becomes a managed one',
      happens: ({ server, scope }) => server.core.products.update(scope, 'panel', { distribution: 'managed' }),
      undo: ({ server, scope }) => server.core.products.update(scope, 'panel', { distribution: 'catalogue' }),
    },
    {
      what: 'its clients want numbers',
      happens: ({ server, scope }) =>
        server.core.organisations.update(scope, { settings: { 'spoke-zone/numeric-ids': true } }),
    },
  ],
  iotaap: [
    assigned('iotaap', '1.1.0'),
    disabled('iotaap'),
    frozen,
    serverFrozen,
    withoutCredential('iotaap'),
    gone('iotaap'),
    withdrawn,
    {
      what: 'its assignment is removed',
      happens: async ({ server, scope }) => {
        const [assignment] = await server.core.deps.storage.read.assignments.list(
          { organisation: scope.organisation },
          { limit: 1 },
        )
        await server.core.assignments.remove(scope, assignment?.id ?? '')
      },
    },
  ],
  enos: [
    {
      what: 'the firmware is described otherwise',
      happens: ({ server, scope, firmware }) =>
        server.core.firmware.update(scope, firmware.firmware.id, { description: 'faster' }),
      undo: ({ server, scope, firmware }) =>
        server.core.firmware.update(scope, firmware.firmware.id, { description: null }),
    },
    {
      what: 'the program is disabled',
      happens: ({ server, scope, accessKey }) => server.core.accessKeys.update(scope, accessKey.id, { disabled: true }),
      undo: ({ server, scope, accessKey }) => server.core.accessKeys.update(scope, accessKey.id, { disabled: false }),
    },
    {
      what: 'the program may not read any more',
      happens: ({ server, scope, accessKey }) =>
        server.core.accessKeys.update(scope, accessKey.id, { permissions: [] }),
      undo: ({ server, scope, accessKey }) =>
        server.core.accessKeys.update(scope, accessKey.id, { permissions: ['read'] }),
    },
    {
      what: 'the program is deleted',
      happens: ({ server, scope, accessKey }) => server.core.accessKeys.delete(scope, accessKey.id),
    },
    {
      what: 'the organisation has another name',
      happens: ({ server, scope }) => server.core.organisations.update(scope, { aliases: { 'enos/org-id': 'other' } }),
      undo: ({ server, scope }) => server.core.organisations.update(scope, { aliases: { 'enos/org-id': 'org1' } }),
    },
    {
      what: 'its timestamp grows old',
      happens: async ({ server }) => server.clock.advance(86_400_000),
    },
  ],
}

const CASES = PROTOCOLS.flatMap((protocol) => HAPPENINGS[protocol].map((happening) => ({ protocol, ...happening })))

describe.each(STORAGES)('what a warm poll sees at once, $name', ({ open }) => {
  let fleet: PollFleet

  beforeEach(async () => {
    fleet = await PollFleet.open({ storage: await open() })
    const { core } = fleet.server
    // A stage that lets nobody in yet: most devices of a fleet wait like that.
    await core.rollouts.create(fleet.scope, { ...spring, key: 'late', stages: [{ percent: 100, approvals: 1 }] })
    await core.rolloutControl.start(fleet.scope, 'late')
  })
  afterEach(() => fleet.server.close())

  test.each(CASES)('$protocol: $what', async ({ protocol, happens, undo }) => {
    const before = await warm(fleet, protocol)
    await happens(fleet)
    const after = await ask(fleet, protocol)
    expect(after).not.toBe(before)
    expect(await ask(fleet, protocol)).toBe(await ask(fleet, protocol, true))
    if (!undo) return
    await undo(fleet)
    expect(await ask(fleet, protocol)).toBe(before)
    expect(await warm(fleet, protocol)).toBe(before)
  })
})

async function ask(fleet: PollFleet, protocol: ProtocolName, isLong = false): Promise<string> {
  return comparable(await askOnce(fleet.port, requestOf(fleet.polls[protocol], { isLong })))
}

/** Asks until answers come the short way; answers what they are. */
async function warm(fleet: PollFleet, protocol: ProtocolName): Promise<string> {
  const before = await fleet.short(protocol)
  for (let time = 0; time < 10; time++) {
    const answer = await ask(fleet, protocol)
    if ((await fleet.short(protocol)) > before) return answer
  }
  throw new Error('it never takes the short way')
}
