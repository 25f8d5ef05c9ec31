import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { NoneBecause } from '../decide/decision.ts'
import { explainBecause } from '../decide/explain.ts'

const rollout = { id: '5e2b1c808711f904f5df4bb3', key: 'spring' }
const at = Date.UTC(2026, 10, 2, 2)
const words = '6 of 10 devices that hold the release failed already (60.0 %); the others are taken as good.'

/** Every way in which a device can be refused, with its facts. A new kind does not compile until it stands here. */
const REFUSALS: { readonly [Kind in NoneBecause['kind']]: ReadonlyArray<Omit<NoneBecause & { kind: Kind }, 'kind'>> } =
  {
    'not-selected': [{ rollout, reason: 'tag site is vienna, not graz' }],
    'snapshot-being-taken': [{ rollout }],
    'stage-not-reached': [
      { rollout, stage: 3, current: 1 },
      { rollout, stage: null, current: 1 },
    ],
    'stage-full': [{ rollout, stage: 1, devices: 10 }],
    'awaiting-approval': [{ rollout, stage: 2, approvals: 1 }],
    'window-closed': [
      { rollout, stage: 2, opensAt: at },
      { rollout, stage: 2, opensAt: null },
    ],
    'spread-out': [{ rollout, stage: 2, until: at }],
    'slots-taken': [{ rollout, stage: 2, taken: 50, limit: 50 }],
    'rate-reached': [{ rollout, stage: 2, perMinute: 100, until: at }],
    'health-hold': [{ rollout, holding: 10, allowance: 10 }],
    'cohort-hold': [{ rollout, cohort: 'hardwareRevision C', holding: 10 }],
    'cohort-stopped': [
      { rollout, cohort: 'hardwareRevision C', words: 'Devices with hardwareRevision C: 6 of 6 failed.' },
    ],
    'unverifiable-hold': [{ rollout, granted: 10 }],
    'rollout-paused': [{ rollout }],
    'rollout-stopped': [{ rollout, words }],
    excluded: [{ rollout, reason: 'in the workshop' }],
    'cancelled-here': [{ rollout, version: '1.3.0' }],
    'done-before': [{ rollout, version: '1.3.0', runs: '1.2.0' }],
    'retry-later': [{ until: at, attempt: 1, reason: 'flash full' }],
    'gave-up': [{ rollout, attempts: 3, reason: 'flash full' }],
    'penalty-box': [{ rollout, until: at, failures: 5 }],
    downgrade: [
      { rollout, from: '1.4.0', to: '1.3.0', isForbidden: false },
      { rollout, from: '1.4.0', to: '1.3.0', isForbidden: true },
    ],
    incomparable: [{ rollout, from: 'rev-a', to: 'rev-b' }],
    'no-path': [{ from: '1.0.0', to: '1.3.0', needs: '>=1.2.0' }],
    'verification-pending': [{ rollout, version: '1.3.0' }],
    'floor-verification-pending': [{ rollout, version: '1.3.0', floor: '1.2.0', reason: 'it moves the partitions' }],
    withdrawn: [{ version: '1.3.0' }],
    'previous-unknown': [{ rollout }],
    'previous-missing': [{ rollout, version: '1.2.0' }],
    'push-only': [{ rollout }],
    'up-to-date': [{ version: '1.3.0' }],
    busy: [{ update: rollout.id, via: 'enos', state: 'downloading', version: '1.2.5' }],
    'held-back': [{ by: 'low-battery' }, { by: 'metered' }],
    frozen: [{ scope: 'organisation' }],
    disabled: [{}],
    'nothing-assigned': [{}, { groupIgnored: true }],
    'chooses-itself': [{ product: 'panel' }],
    'other-product': [{ release: '1.3.0' }],
    'called-off': [{ version: '1.3.0' }],
  }

const page = readFileSync(new URL('../../../docs/rollouts.md', import.meta.url), 'utf8')
const rows = page
  .slice(page.indexOf('| `because.kind` |'))
  .split('\n')
  .slice(2)
  .filter((line) => line.startsWith('|'))
  .map((line) => line.split('|').map((cell) => cell.trim()))

describe('the refusals of docs/rollouts.md', () => {
  const expected = Object.entries(REFUSALS).flatMap(([kind, samples]) =>
    samples.map((facts: object) => [`\`${kind}\``, explainBecause({ kind, ...facts } as NoneBecause)]),
  )

  it.each(expected)('%s: %s', (kind, sentence) => {
    const cells = rows.find((row) => row[1] === kind && row[2] === sentence)
    expect(cells?.[3] ?? '', `| ${kind} | ${sentence} | what helps |`).toMatch(/\S/)
  })

  it('are no others', () => {
    expect(rows.map((row) => [row[1], row[2]])).toEqual(expected)
  })
})
