import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Core } from '../../../src/core/create-core.ts'
import { SYSTEM } from '../../../src/core/event/event.ts'
import { tendRollouts } from '../../../src/core/rollout/tend.ts'
import type { Scope } from '../../../src/core/service.ts'
import { applyFleetFile } from '../../../src/server/fleet/apply-fleet-file.ts'
import { type FixedClock, fixedClock } from '../../support/fixed-clock.ts'
import { STORAGES } from '../../support/storages.ts'
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts'
import { createTestCore } from '../../support/test-core.ts'

const BASE = `organisations:
  - key: acme
    products: [{ key: panel, modules: [{ key: display-app }] }]
    groups: [{ key: pilot }]
    devices:
      - { key: truck-17, product: panel, tags: { site: graz } }
      - { key: truck-18, product: panel, tags: { site: linz } }
    firmware:
      - { product: panel, module: display-app, version: 1.2.0, file: ./a.bin }
      - { product: panel, module: display-app, version: 1.3.0, file: ./b.bin }
    releases: [{ product: panel, version: "2026.11", firmware: { display-app: 1.3.0 } }]
`
const SPRING =
  '{ key: spring, product: panel, module: display-app, version: 1.3.0, select: { tags: { site: graz } }, stages: [ { percent: 5 }, { percent: 100 } ], state: running }'

/** The fleet with these rollouts. */
const withRollouts = (...rollouts: readonly string[]) =>
  `${BASE}    rollouts:\n${rollouts.map((one) => `      - ${one}\n`).join('')}`

describe.each(STORAGES)('rollouts of a fleet file on $name', (under) => {
  let clock: FixedClock
  let core: Core
  let folder: TemporaryFolder
  let scope: Scope

  beforeAll(async () => {
    folder = await temporaryFolder()
    for (const name of ['a', 'b']) writeFileSync(join(folder.path, `${name}.bin`), `bytes of ${name}`)
  })
  afterAll(() => folder.remove())
  beforeEach(async () => {
    clock = fixedClock()
    core = createTestCore({ clock, storage: await under.open() })
    await apply(BASE)
    scope = { actor: SYSTEM, organisation: (await core.organisations.get('acme')).serial }
  })
  afterEach(() => core.deps.storage.close())

  const apply = (text: string, options: { dryRun?: boolean; prune?: boolean } = {}) => {
    const path = join(folder.path, 'fleet.yaml')
    writeFileSync(path, text)
    return applyFleetFile(core, path, options)
  }
  const rollout = (key = 'spring') => core.rollouts.get(scope.organisation, key)
  const state = async (key = 'spring') => (await rollout(key)).state
  const eventsOf = async (key = 'spring') => {
    const { id } = await rollout(key)
    const filter = { organisation: scope.organisation, subjectId: id }
    return (await core.deps.storage.read.events.list(filter, { limit: 50 })).map(({ type }) => type)
  }

  it('are made, started, and the same the second time', async () => {
    const first = await apply(withRollouts(SPRING))
    expect(first.changes).toEqual([{ action: 'create', kind: 'rollout', what: 'acme/spring' }])
    expect(await rollout()).toMatchObject({
      state: 'running',
      selection: { filter: { kind: 'one-of', field: 'tag.site', values: ['graz'] } },
      stages: [{ reach: { percent: 5 } }, { reach: { percent: 100 } }],
    })
    const { revision } = await rollout()
    expect(await apply(withRollouts(SPRING))).toMatchObject({ changes: [], warnings: [] })
    expect((await rollout()).revision).toBe(revision)
    expect(await eventsOf()).toEqual(['rollout.created', 'rollout.started', 'rollout.stage-started'])
  })

  it('take everything that the API takes', async () => {
    const full = `key: full
        name: All of it
        product: panel
        release: "2026.11"
        select: { filter: 'not group exists', devices: [truck-17, truck-18], fromVersions: ["1.2.0"], reportingOnly: true }
        stages:
          - { count: 1, soakSeconds: 3600, approvals: 1, window: { kind: daily, from: "02:00", to: "05:00", days: [sat] } }
          - { groups: [pilot], window: { kind: absolute, startAt: 2026-11-02T03:00:00Z, endAt: 2026-11-03T03:00:00Z } }
        health: { mode: { kind: threshold, failures: 3 }, allowance: unlimited }
        options: { timeZone: Europe/Vienna, retry: { attempts: 1 }, timeOuts: { downloading: 60 } }
        priority: 4
        membership: snapshot
        id: 5e2b1c808711f904f5df4bb2`
    await apply(withRollouts(full))
    expect(await rollout('full')).toMatchObject({
      id: '5e2b1c808711f904f5df4bb2',
      state: 'draft',
      priority: 4,
      snapshot: { kind: 'taking' },
      stages: [
        { soakSeconds: 3600, approvals: 1, window: { days: ['sat'], zone: 'Europe/Vienna' } },
        { window: { kind: 'absolute', repeatDaily: false } },
      ],
      health: { mode: { kind: 'threshold', failures: 3, minMatured: 10 }, allowance: 'unlimited' },
      options: { retry: { attempts: 1, pauseSeconds: 60 }, timeOuts: { downloading: 60 } },
    })
    await tendRollouts(core.deps)
    expect((await apply(withRollouts(full))).changes).toEqual([])
  })

  it('change in name, priority and stages that have not begun', async () => {
    await apply(withRollouts(SPRING))
    const other = SPRING.replace('{ percent: 100 }', '{ percent: 50, soakSeconds: 60 }, { percent: 100 }').replace(
      'key: spring',
      'key: spring, name: Spring, priority: 3',
    )
    const changed = { action: 'change', kind: 'rollout', what: 'acme/spring', fields: ['name', 'priority', 'stages'] }
    expect((await apply(withRollouts(other), { dryRun: true })).changes).toEqual([changed])
    expect((await rollout()).stages).toHaveLength(2)
    expect((await apply(withRollouts(other))).changes).toEqual([changed])
    expect(await rollout()).toMatchObject({ name: 'Spring', priority: 3, stages: [{}, { soakSeconds: 60 }, {}] })
    expect((await apply(withRollouts(other))).changes).toEqual([])
    const begun = other.replace('{ percent: 5 }', '{ percent: 6 }')
    await expect(apply(withRollouts(begun))).rejects.toThrow(
      'line 13: organisations.0.rollouts.0: Stage 1 has begun and cannot be changed.',
    )
  })

  it.each([
    ['version: 1.3.0', 'version: 1.2.0', 'version'],
    ['module: display-app, version: 1.3.0', 'release: "2026.11"', 'release'],
    ['select: { tags: { site: graz } }', 'select: { tags: { site: [graz, linz] } }', 'select'],
    ['stages:', 'health: { mode: off }, stages:', 'health'],
    ['stages:', 'options: { allowDowngrade: true }, stages:', 'options'],
    ['stages:', 'membership: snapshot, stages:', 'membership'],
  ])('never change %s into %s once they have started', async (from, to, field) => {
    await apply(withRollouts(SPRING))
    await expect(apply(withRollouts(SPRING.replace(from, to)))).rejects.toThrow(
      `line 13: organisations.0.rollouts.0: ${field}: cannot change once the rollout has started; a new one needs another key`,
    )
  })

  it('are made anew while they are drafts, under the same id', async () => {
    const draft = SPRING.replace('running', 'draft')
    await apply(withRollouts(draft))
    const { id } = await rollout()
    const other = draft.replace('1.3.0', '1.2.0').replace('site: graz', 'site: linz')
    expect((await apply(withRollouts(other))).changes).toEqual([
      { action: 'change', kind: 'rollout', what: 'acme/spring', fields: ['version', 'select'] },
    ])
    expect(await rollout()).toMatchObject({ id, state: 'draft', selection: { filter: { values: ['linz'] } } })
  })

  it.each([
    ['running', ['rollout.started', 'rollout.stage-started']],
    ['paused', ['rollout.started', 'rollout.stage-started', 'rollout.paused']],
    ['stopped', ['rollout.started', 'rollout.stage-started', 'rollout.stopped']],
    ['finished', ['rollout.started', 'rollout.stage-started', 'rollout.finished']],
  ])('are brought from a draft to %s', async (wanted, events) => {
    await apply(withRollouts(SPRING.replace('running', 'draft')))
    const text = withRollouts(SPRING.replace('running', wanted))
    const changed = [{ action: 'change', kind: 'rollout', what: 'acme/spring', fields: ['state'] }]
    expect((await apply(text)).changes).toEqual(changed)
    expect(await state()).toBe(wanted)
    expect((await eventsOf()).slice(1)).toEqual(events)
    expect(await apply(text)).toMatchObject({ changes: [], warnings: [] })
  })

  it('go on after a pause, never after a stop, and say so', async () => {
    await apply(withRollouts(SPRING))
    const { rolloutControl } = core
    await rolloutControl.pause(scope, 'spring')
    expect((await apply(withRollouts(SPRING))).changes).toMatchObject([{ fields: ['state'] }])
    expect(await state()).toBe('running')
    await rolloutControl.stop(scope, 'spring', { reason: 'displays stay dark' })
    const stopped = await apply(withRollouts(SPRING))
    expect(stopped).toMatchObject({
      changes: [],
      warnings: [
        'rollout "spring" was stopped by an operator: displays stay dark. It stays stopped; "godwit rollout resume spring" resumes it',
      ],
    })
    expect(await state()).toBe('stopped')
    await rolloutControl.finish(scope, 'spring')
    expect((await apply(withRollouts(SPRING))).warnings).toEqual([
      'rollout "spring" is finished and stays so; a new one needs another key',
    ])
    const draft = withRollouts(SPRING.replace('spring', 'other'), SPRING.replace('running', 'finished'))
    await apply(draft)
    expect((await apply(draft.replace('running', 'draft'))).warnings).toEqual([
      'rollout "other" has started and is not made draft again; it is running',
    ])
  })

  it('are not resumed after their health gate stopped them', async () => {
    await apply(withRollouts(SPRING.replace('{ percent: 5 }, ', '').replace('select: { tags: { site: graz } }, ', '')))
    const keys = Array.from({ length: 8 }, (_, index) => `d${index}`)
    const product = (await core.products.get(scope.organisation, 'panel')).serial
    for (const key of keys) {
      const { serial } = await core.devices.create(scope, { key, product })
      const facts = async () => {
        const found = await core.gateway.find({ by: 'serial', serial })
        if (!found) throw new Error('the device is gone')
        return found
      }
      await core.gateway.checkIn(await facts(), { running: { '': '1.2.0' } })
      if (!(await core.gateway.grant(await facts(), { via: 'native', reporting: 'progress' }))) continue
      await core.gateway.report(await facts(), 'native', { trigger: 'fail', reason: 'flash full' })
    }
    expect(await rollout()).toMatchObject({ state: 'stopped', stop: { kind: 'gate' } })
    const text = withRollouts(SPRING.replace('{ percent: 5 }, ', '').replace('select: { tags: { site: graz } }, ', ''))
    const { changes, warnings } = await apply(text)
    expect(changes).toEqual([])
    expect(warnings).toEqual([expect.stringMatching(/^rollout "spring" was stopped by its health gate: \d of \d/)])
    expect(await state()).toBe('stopped')
  })

  it('are pruned unless they may still grant', async () => {
    await apply(withRollouts(SPRING, SPRING.replace('spring', 'summer').replace('running', 'draft')))
    const none = `${BASE}    rollouts: []\n`
    await expect(apply(none, { prune: true })).rejects.toThrow(
      'rollouts: "spring" is not in the file and is running; stop or finish it first',
    )
    expect(await state('summer')).toBe('draft')
    await core.undos.undo(scope, 'spring', { allowDowngrade: true })
    await core.rolloutControl.finish(scope, 'spring-undo')
    expect((await apply(none)).changes).toEqual([])
    expect((await apply(none, { prune: true })).changes.map(({ what }) => what)).toEqual([
      'acme/spring-undo',
      'acme/summer',
      'acme/spring',
    ])
    expect((await apply(BASE.replace(/ +releases.*\n/, ''), { prune: true })).changes).toEqual([])
  })

  it.each([
    [
      'an unknown member',
      SPRING.replace('state:', 'status:'),
      'line 13: organisations.0.rollouts.0.status: is not a known key',
    ],
    [
      'a bad state',
      SPRING.replace('running', 'flying'),
      'line 13: organisations.0.rollouts.0.state: must be one of draft',
    ],
    [
      'a tag that is no text',
      SPRING.replace('graz', '7'),
      'line 13: organisations.0.rollouts.0.select.tags.site: must be text, or a list of texts',
    ],
    [
      'a group that is not there',
      SPRING.replace('{ percent: 5 }', '{ groups: [none] }'),
      'line 13: organisations.0.rollouts.0: No such group: none',
    ],
    [
      'a version that is not there',
      SPRING.replace('1.3.0', '9.9.9'),
      'line 13: organisations.0.rollouts.0: No such firmware',
    ],
    [
      'stages that do not rise, on their own line',
      'key: x\n        product: panel\n        version: 1.3.0\n        stages:\n          - percent: 50\n          - percent: 10',
      'line 18: organisations.0.rollouts.0: stages[1].percent: must be more than 50',
    ],
    [
      'a filter that cannot be read, on its own line',
      'key: x\n        product: panel\n        version: 1.3.0\n        select:\n          filter: "site"',
      'line 17: organisations.0.rollouts.0: select.filter: ',
    ],
    [
      'a policy out of range, on its own line',
      'key: x\n        product: panel\n        version: 1.3.0\n        health:\n          errorBudget: 3',
      'line 17: organisations.0.rollouts.0: health.errorBudget: must be a number from',
    ],
  ])('name the line of %s, and apply nothing', async (_name, text, message) => {
    await expect(apply(withRollouts(text))).rejects.toThrow(message)
    expect(await core.deps.storage.read.rollouts.count({ organisation: scope.organisation })).toBe(0)
  })

  it('occur once', async () => {
    await expect(apply(withRollouts(SPRING, SPRING))).rejects.toThrow(
      'line 14: organisations.0.rollouts.1: "spring" occurs twice',
    )
  })
})
