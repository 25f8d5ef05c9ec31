import { describe, expect, it } from 'vitest'
import { DEFAULT_CORE_LIMITS } from '../limits.ts'
import type { Update } from '../update/update.ts'
import { type Asking, type Candidates, decide } from './decide.ts'
import type { Decision, Offer } from './decision.ts'
import { explainDecision } from './explain.ts'

const NOW = Date.UTC(2026, 0, 5, 8)
const row = (serial: number) => ({ serial, id: `id-${serial}`, createdAt: NOW - 1000, revision: 1 })

const device = {
  ...row(1),
  organisation: 1,
  key: 'truck-17',
  name: 'Truck 17',
  product: 7,
  group: null,
  status: 'active',
  tags: {},
  attributes: {},
  aliases: {},
  lastSeenAt: null,
} as const

function offer(
  version: string,
  options: { target?: 'device' | 'group'; withdrawn?: boolean; product?: number } = {},
): Offer {
  const { target = 'device', withdrawn = false, product = 7 } = options
  const serial = Number(version.replaceAll('.', ''))
  const firmware = {
    ...row(serial),
    organisation: 1,
    product,
    module: 11,
    version,
    sequence: null,
    fromVersions: null,
    scope: 'library',
    sealed: true,
    active: false,
    withdrawn,
    name: { default: version, locales: {} },
    description: null,
    notes: '',
    tags: {},
    verification: { enabled: false, verified: false, maxDevices: 5, minSucceeded: 1 },
    declaredDigest: { method: 'sha256', value: '' },
    fileAlias: '',
    warnings: [],
    releasedAt: null,
    signature: null,
  } as const
  const artifact = {
    ...row(serial),
    organisation: 1,
    firmware: serial,
    sha256: '',
    sha1: '',
    md5: '',
    size: 1,
    name: 'f',
    isPrimary: true,
  }
  return {
    source: {
      kind: 'assignment',
      target,
      assignment: { ...row(3), organisation: 1, device: 1, group: null, release: serial, assignedAt: NOW - 500 },
    },
    version,
    product,
    release: { ...row(serial), organisation: 1, product, version, isSilent: true, firmware: [serial] },
    files: [{ firmware, artifact }],
  }
}

function update(state: Update['state'], facts: Partial<Update> = {}): Update {
  return {
    ...row(9),
    organisation: 1,
    device: 1,
    release: 120,
    assignment: 3,
    rollout: null,
    via: 'enos',
    state,
    attempt: 1,
    progress: 0,
    reason: '',
    steps: [],
    changedAt: NOW,
    closedAt: null,
    confirmAfter: null,
    deadline: null,
    timeOuts: null,
    ...facts,
  }
}

const base: Candidates = {
  device,
  modules: [{ ...row(11), organisation: 1, product: 7, key: 'app', name: 'app', isPrimary: true }],
  running: [],
  groupKey: null,
  sequences: new Map(),
  floors: [],
  recent: [],
  rollouts: [],
  rooms: new Map(),
  serverFrozen: false,
  organisationFrozen: false,
}
const asking: Asking = { via: 'enos', now: NOW, reporting: 'progress', limits: DEFAULT_CORE_LIMITS }
const failed = (attempt: number, closedAt: number) =>
  update('failed', { attempt, closedAt, createdAt: NOW - 400, reason: 'flash full' })

interface Case {
  readonly name: string
  readonly candidates: Partial<Candidates>
  readonly asking?: Partial<Asking>
  readonly expected: { kind: Decision['kind']; because: Record<string, unknown> }
  readonly words: string
}

const cases: readonly Case[] = [
  {
    name: 'nothing is assigned',
    candidates: {},
    expected: { kind: 'none', because: { kind: 'nothing-assigned' } },
    words: 'Nothing is assigned to the device or its group.',
  },
  {
    name: 'its own assignment',
    candidates: { own: offer('1.2.0') },
    expected: { kind: 'update', because: { kind: 'assigned', target: 'device', assignment: 'id-3' } },
    words: 'It will be offered 1.2.0, which is assigned to this device.',
  },
  {
    name: "its group's assignment",
    candidates: { group: offer('1.2.0', { target: 'group' }) },
    expected: { kind: 'update', because: { kind: 'assigned', target: 'group', assignment: 'id-3' } },
    words: 'It will be offered 1.2.0, which is assigned to its group.',
  },
  {
    name: "its own assignment outranks its group's",
    candidates: { own: offer('1.2.0'), group: offer('2.0.0', { target: 'group' }) },
    expected: { kind: 'update', because: { target: 'device' } },
    words: 'It will be offered 1.2.0, which is assigned to this device.',
  },
  {
    name: 'a route that knows no groups ignores the group',
    candidates: { group: offer('1.2.0', { target: 'group' }) },
    asking: { ignoreGroup: true },
    expected: { kind: 'none', because: { kind: 'nothing-assigned', groupIgnored: true } },
    words:
      'Nothing is assigned to the device itself. Its group has an assignment, which it gets only if it is configured to ask as a member of the group.',
  },
  {
    name: 'a product with a catalogue, over a protocol whose devices choose',
    candidates: {
      own: offer('1.2.0'),
      product: {
        ...row(7),
        organisation: 1,
        key: 'panel',
        name: 'Panel',
        distribution: 'catalogue',
        downgrades: 'guarded',
        aliases: {},
      },
    },
    asking: { choosesFromCatalogue: true },
    expected: { kind: 'none', because: { kind: 'chooses-itself', product: 'panel' } },
    words:
      'Devices of product panel choose from its catalogue over this protocol; assignments and rollouts reach them only if the product is managed.',
  },
  {
    name: 'disabled',
    candidates: { device: { ...device, status: 'disabled' }, own: offer('1.2.0') },
    expected: { kind: 'none', because: { kind: 'disabled' } },
    words: 'The device is disabled; it is offered nothing.',
  },
  {
    name: 'withdrawn',
    candidates: { own: offer('1.2.0', { withdrawn: true }) },
    expected: { kind: 'none', because: { kind: 'withdrawn', version: '1.2.0' } },
    words: 'Version 1.2.0 was withdrawn; it is refused everywhere.',
  },
  {
    name: 'withdrawn while under way asks the device to stop',
    candidates: { own: offer('1.2.0'), open: update('offered'), openVersion: '1.2.0', openWithdrawn: true },
    expected: { kind: 'cancel', because: { kind: 'withdrawn', version: '1.2.0' } },
    words: 'Version 1.2.0 was withdrawn; it is refused everywhere.',
  },
  {
    name: 'a release of another product',
    candidates: { own: offer('1.2.0', { product: 8 }) },
    expected: { kind: 'none', because: { kind: 'other-product', release: '1.2.0' } },
    words: "Release 1.2.0 is for another product than the device's.",
  },
  {
    name: 'frozen server',
    candidates: { own: offer('1.2.0'), serverFrozen: true },
    expected: { kind: 'none', because: { kind: 'frozen', scope: 'server' } },
    words: 'Nothing new is offered while the server is frozen.',
  },
  {
    name: 'frozen organisation',
    candidates: { own: offer('1.2.0'), organisationFrozen: true },
    expected: { kind: 'none', because: { kind: 'frozen', scope: 'organisation' } },
    words: 'Nothing new is offered while the organisation is frozen.',
  },
  {
    name: 'frozen, but under way already: it ends',
    candidates: { own: offer('1.2.0'), open: update('downloading'), serverFrozen: true },
    expected: { kind: 'update', because: { kind: 'under-way', update: 'id-9', state: 'downloading' } },
    words: 'It is updating to 1.2.0: downloading.',
  },
  {
    name: 'it runs the version already',
    candidates: {
      own: offer('1.2.0'),
      running: [{ device: 1, module: 11, version: '1.2.0', previousVersion: null, reportedAt: NOW }],
    },
    expected: { kind: 'none', because: { kind: 'up-to-date', version: '1.2.0' } },
    words: 'It runs 1.2.0 already.',
  },
  {
    name: 'an update over another protocol must end first',
    candidates: { own: offer('1.2.0'), open: update('offered', { via: 'hawkbit' }), openVersion: '1.1.0' },
    expected: { kind: 'none', because: { kind: 'busy', via: 'hawkbit', state: 'offered', version: '1.1.0' } },
    words: 'An update to 1.1.0 is under way over hawkbit: offered. It must end first.',
  },
  {
    name: 'a device at work on another release is not disturbed',
    candidates: { own: offer('1.3.0'), open: update('installing'), openVersion: '1.2.0' },
    expected: { kind: 'none', because: { kind: 'busy', via: 'enos', state: 'installing' } },
    words: 'An update to 1.2.0 is under way over enos: installing. It must end first.',
  },
  {
    name: 'an offer that was not taken yet gives way to a newer one',
    candidates: { own: offer('1.3.0'), open: update('offered') },
    expected: { kind: 'update', because: { kind: 'assigned' } },
    words: 'It will be offered 1.3.0, which is assigned to this device.',
  },
  {
    name: 'over silent protocols the newer offer takes the place of any older one',
    candidates: { own: offer('1.3.0'), open: update('downloading') },
    asking: { reporting: 'silent' },
    expected: { kind: 'update', because: { kind: 'assigned' } },
    words: 'It will be offered 1.3.0, which is assigned to this device.',
  },
  {
    name: 'after a failure the same offer waits',
    candidates: { own: offer('1.2.0'), latest: failed(1, NOW - 59_999) },
    expected: { kind: 'none', because: { kind: 'retry-later', attempt: 1, until: NOW + 1, reason: 'flash full' } },
    words: 'Attempt 1 failed (flash full); the next is offered from 2026-01-05T08:00:00.001Z.',
  },
  {
    name: 'and twice as long after the second one',
    candidates: { own: offer('1.2.0'), latest: failed(2, NOW - 60_000) },
    expected: { kind: 'none', because: { kind: 'retry-later', attempt: 2, until: NOW + 60_000 } },
    words: 'Attempt 2 failed (flash full); the next is offered from 2026-01-05T08:01:00.000Z.',
  },
  {
    name: 'when the pause is over it is offered again',
    candidates: { own: offer('1.2.0'), latest: failed(1, NOW - 60_000) },
    expected: { kind: 'update', because: { kind: 'assigned' } },
    words: 'It will be offered 1.2.0, which is assigned to this device.',
  },
  {
    name: 'assigning again starts afresh',
    candidates: { own: offer('1.2.0'), latest: { ...failed(5, NOW - 1), createdAt: NOW - 600 } },
    expected: { kind: 'update', because: { kind: 'assigned' } },
    words: 'It will be offered 1.2.0, which is assigned to this device.',
  },
  {
    name: 'cancelled while the device is at work: it is asked to stop',
    candidates: { own: offer('1.2.0'), open: update('cancelling') },
    expected: { kind: 'cancel', because: { kind: 'cancelled' } },
    words: 'Its update was cancelled by an operator; the device is asked to stop.',
  },
  {
    name: 'cancelled over another protocol is not for this one to say',
    candidates: { own: offer('1.2.0'), open: update('cancelling', { via: 'hawkbit' }) },
    expected: { kind: 'none', because: { kind: 'busy', via: 'hawkbit', state: 'cancelling' } },
    words: 'An update to another release is under way over hawkbit: cancelling. It must end first.',
  },
  {
    name: 'once cancelled, the same offer waits until it is assigned again',
    candidates: { own: offer('1.2.0'), latest: { ...failed(1, NOW - 999_999), state: 'cancelled' } },
    expected: { kind: 'none', because: { kind: 'called-off', version: '1.2.0' } },
    words: 'Its update to 1.2.0 was cancelled by an operator; it is offered again once it is assigned again.',
  },
  {
    name: 'cancelled before it was assigned again',
    candidates: { own: offer('1.2.0'), latest: { ...failed(1, NOW - 1), state: 'cancelled', createdAt: NOW - 600 } },
    expected: { kind: 'update', because: { kind: 'assigned' } },
    words: 'It will be offered 1.2.0, which is assigned to this device.',
  },
  {
    name: 'a device with a low battery is spared',
    candidates: { own: offer('1.2.0') },
    asking: { hold: 'low-battery' },
    expected: { kind: 'none', because: { kind: 'held-back', by: 'low-battery' } },
    words: 'The battery of the device is low; it is offered nothing new for now.',
  },
  {
    name: 'what is under way goes on, on a metered connection too',
    candidates: { own: offer('1.2.0'), open: update('downloading') },
    asking: { hold: 'metered' },
    expected: { kind: 'update', because: { kind: 'under-way' } },
    words: 'It is updating to 1.2.0: downloading.',
  },
  {
    name: 'on a metered connection nothing new is offered',
    candidates: { own: offer('1.2.0') },
    asking: { hold: 'metered' },
    expected: { kind: 'none', because: { kind: 'held-back', by: 'metered' } },
    words: 'The device is on a metered connection; it is offered nothing new for now.',
  },
]

describe('decide', () => {
  it.each(cases)('$name', ({ candidates, asking: how, expected, words }) => {
    const decision = decide({ ...base, ...candidates }, { ...asking, ...how })
    expect(decision).toMatchObject(expected)
    expect(explainDecision(decision)).toBe(words)
  })
})
