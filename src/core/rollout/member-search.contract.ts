import { describe, expect, it } from 'vitest'
import { START } from '../../../test/support/fixed-clock.ts'
import { newMember, newRollout } from '../../../test/support/rollout-rows.ts'
import * as rows from '../../../test/support/rows.ts'
import { insertFleet, useStorage } from '../../../test/support/storage-suite.ts'
import type { Serial } from '../common.ts'
import { type Choice, choices } from '../filter/testing/random-filters.ts'
import type { Storage, Stores } from '../ports.ts'
import { CLOSED_STATES, OPEN_STATES } from '../update/update.ts'
import { MEMBER_STATES } from './member.ts'
import { isLike, lastNews, type MemberFound, type MemberSearch, type MemberTraits } from './member-search.ts'

const DEVICES = 60
const SEARCHES = 300

const VERSIONS = ['', '1.0', '1.1', '固件', 'a"b\\'] as const
const REASONS = ['', 'flash full', "it's 100%_", '\ud83d\ude00'] as const

/** A member with its update, and what its device runs. */
interface Placed extends MemberFound {
  readonly runs: string
}

interface Placement {
  readonly organisation: Serial
  readonly product: Serial
  readonly rollouts: readonly Serial[]
  readonly devices: readonly Serial[]
  readonly placed: readonly Placed[]
}

/** Members of every kind in two rollouts, and some in a third that nobody looks for. */
async function place(stores: Stores, choice: Choice): Promise<Placement> {
  const { organisation, product, module, release } = await insertFleet(stores)
  const other = await stores.modules.insert(rows.newModule(product, { key: 'second', isPrimary: false }))
  const rollouts: Serial[] = []
  const devices: Serial[] = []
  const placed: Placed[] = []
  for (let index = 0; index < 3; index += 1) rollouts.push((await stores.rollouts.insert(newRollout(release))).serial)
  for (let index = 0; index < DEVICES; index += 1) {
    const at = index % 7 === 0 ? null : product.serial
    const device = await stores.devices.insert(rows.newDevice(organisation.serial, { product: at }))
    devices.push(device.serial)
    const version = choice.of(VERSIONS)
    const running = { device: device.serial, reportedAt: START }
    if (version !== '') await stores.running.put({ ...running, module: module.serial, version })
    await stores.running.put({ ...running, module: other.serial, version: '9.9' })
    for (const [which, rollout] of rollouts.entries()) {
      if (choice.below(4) === 0) continue
      const found = await placeMember(stores, { choice, rollout, device, release, mayBeOpen: which === 0 })
      placed.push({ ...found, runs: at === null ? '' : version })
    }
  }
  return { organisation: organisation.serial, product: product.serial, rollouts, devices, placed }
}

async function placeMember(
  stores: Stores,
  of: {
    choice: Choice
    rollout: Serial
    device: Parameters<typeof rows.newUpdate>[0]
    release: { serial: Serial }
    mayBeOpen: boolean
  },
): Promise<MemberFound> {
  const { choice, rollout, device, release, mayBeOpen } = of
  const time = () => START + choice.below(6) * 1_000
  const from = choice.of([null, ...VERSIONS])
  const update =
    choice.below(5) === 0
      ? undefined
      : await stores.updates.insert(
          rows.newUpdate(device, release, {
            state: choice.of(mayBeOpen ? [...OPEN_STATES, ...CLOSED_STATES] : CLOSED_STATES),
            reason: choice.of(REASONS),
            changedAt: time(),
            steps: choice.below(6) === 0 ? [] : [{ module: null, firmware: 1, from, to: '2.0' }],
          }),
        )
  const member = await stores.rolloutMembers.insert(
    newMember({ organisation: device.organisation, serial: rollout }, device, {
      state: choice.of(MEMBER_STATES),
      attempts: choice.below(4),
      excludedAt: choice.below(4) === 0 ? START : null,
      changedAt: time(),
      // A number that no update has: its row is gone.
      update: update?.serial ?? choice.of([null, 2 ** 31 - 1]),
    }),
  )
  return { member, ...(update && { update }) }
}

function randomTraits(choice: Choice, rollouts: readonly Serial[]): MemberTraits {
  const some = <T>(values: readonly T[]) => values.filter(() => choice.below(2) === 0)
  const maybe = <T>(make: () => T): T | undefined => (choice.below(4) === 0 ? make() : undefined)
  const traits = {
    rollouts: maybe(() => some(rollouts)),
    states: maybe(() => some(MEMBER_STATES)),
    isExcluded: maybe(() => choice.below(2) === 0),
    attemptsBelow: maybe(() => choice.below(4)),
    attemptsFrom: maybe(() => choice.below(4)),
    changedUntil: maybe(() => START + choice.below(6) * 1_000),
    changedAfter: maybe(() => START + choice.below(6) * 1_000),
    updateStates: maybe(() => some([...OPEN_STATES, ...CLOSED_STATES])),
    reasons: maybe(() => some(REASONS)),
    fromVersions: maybe(() => some(VERSIONS)),
    runs: maybe(() => some(VERSIONS)),
  }
  return Object.fromEntries(Object.entries(traits).filter(([, value]) => value !== undefined))
}

function randomSearch(choice: Choice, { rollouts, devices }: Placement): MemberSearch {
  const traits = () => randomTraits(choice, rollouts)
  return {
    rollouts: choice.below(10) === 0 ? [] : rollouts.slice(0, 1 + choice.below(2)),
    ...(choice.below(3) === 0 && { devices: devices.filter(() => choice.below(2) === 0) }),
    ...(choice.below(5) > 0 && { like: Array.from({ length: choice.below(4) }, traits) }),
    ...(choice.below(3) === 0 && { news: { from: START + 1_000, until: START + choice.below(6) * 1_000 } }),
    ...(choice.below(6) === 0 && { news: { from: START + 2_000 } }),
  }
}

function wanted({ placed }: Placement, { rollouts, devices, like, news = {} }: MemberSearch): readonly MemberFound[] {
  const { from = 0, until = Number.POSITIVE_INFINITY } = news
  return placed
    .filter((one) => rollouts.includes(one.member.rollout) && devices?.includes(one.member.device) !== false)
    .filter((one) => lastNews(one) >= from && lastNews(one) < until)
    .filter((one) => like === undefined || like.some((traits) => isLike(one, one.runs, traits)))
    .toSorted((a, b) => lastNews(b) - lastNews(a) || b.member.serial - a.member.serial)
    .map(({ runs: _, ...one }) => one)
}

export function describeMemberSearch(name: string, open: () => Promise<Storage>): void {
  describe(`searches of rollout members: ${name}`, () => {
    const suite = useStorage(open)

    it('find exactly the members that isLike accepts, in order, page by page', async () => {
      const choice = choices(11)
      const placement = await suite.write((stores) => place(stores, choice))
      const { rolloutMembers } = suite.storage.management
      let [found, missed] = [0, 0]
      for (let round = 0; round < SEARCHES; round += 1) {
        const search = randomSearch(choice, placement)
        const all = wanted(placement, search)
        const text = JSON.stringify(search)
        expect(await rolloutMembers.search(search, { limit: 500 }), text).toEqual(all)
        expect(await rolloutMembers.countFound(search), text).toBe(all.length)
        const offset = choice.below(12)
        const page = await rolloutMembers.search(search, { limit: 5, offset })
        expect(page, text).toEqual(all.slice(offset, offset + 5))
        found += all.length
        missed += placement.placed.length - all.length
      }
      expect(found).toBeGreaterThan(2_000)
      expect(missed).toBeGreaterThan(2_000)
    })

    it('tell apart the devices that are no members', async () => {
      const { organisation, product, rollouts, placed } = await suite.write((stores) => place(stores, choices(12)))
      const { devices } = suite.storage.management
      const all = await devices.list({ organisation, product }, { limit: 500 })
      for (const rollout of rollouts) {
        const members = new Set(
          placed.filter(({ member }) => member.rollout === rollout).map((one) => one.member.device),
        )
        const filter = { organisation, product, outside: rollout }
        const outside = all.filter(({ serial }) => !members.has(serial))
        expect(await devices.list(filter, { limit: 500 })).toEqual(outside)
        expect(await devices.count(filter)).toBe(outside.length)
        expect(outside.length).toBeGreaterThan(0)
      }
    })
  })
}
