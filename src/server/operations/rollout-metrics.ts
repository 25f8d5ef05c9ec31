import { Gauge, type Registry } from 'prom-client'
import type { Serial } from '../../core/common.ts'
import type { Stores } from '../../core/ports.ts'
import type { Rollout, RolloutState } from '../../core/rollout/rollout.ts'
import { WHOLE } from '../../core/rollout/tally.ts'

/** Rollouts with series of their own: the first so many that run or are paused, by age. */
export const WATCHED_ROLLOUTS = 100

/** States that an operator may have to act on. */
const STATES: readonly RolloutState[] = ['running', 'paused', 'stopped']

/** Rollouts that are counted at all; more are shown as so many. */
const COUNTED = 10_000

/**
 * How far rollouts have come, read from their kept counters whenever the metrics are asked for. Every server of a
 * database says the same, so dashboards take the largest and not the sum.
 */
export function addRolloutMetrics(registry: Registry, management: Stores): void {
  const common = { registers: [registry], aggregator: 'max' as const }
  new Gauge({
    ...common,
    name: 'godwit_rollouts',
    help: 'Rollouts by state: running, paused, stopped',
    labelNames: ['state'],
    async collect() {
      for (const state of STATES)
        this.set({ state }, (await management.rollouts.listInStates([state], { limit: COUNTED })).length)
    },
  })
  new Gauge({
    ...common,
    name: 'godwit_rollout_devices',
    help: 'Devices that were granted a release by a running or paused rollout, by what became of them',
    labelNames: ['organisation', 'rollout', 'outcome'],
    async collect() {
      this.reset()
      const live = await management.rollouts.listInStates(['running', 'paused'], { limit: WATCHED_ROLLOUTS })
      const names = await namesOf(management, live)
      for (const rollout of live) {
        const labels = { organisation: names.get(rollout.organisation) ?? '', rollout: rollout.key }
        const whole = await management.rolloutTallies.find(rollout.serial, WHOLE)
        for (const [outcome, count] of Object.entries(whole?.outcomes ?? {})) this.set({ ...labels, outcome }, count)
      }
    },
  })
}

async function namesOf(management: Stores, rollouts: readonly Rollout[]): Promise<Map<Serial, string>> {
  const names = new Map<Serial, string>()
  for (const { organisation } of rollouts)
    if (!names.has(organisation))
      names.set(organisation, (await management.organisations.find(organisation))?.key ?? '')
  return names
}
