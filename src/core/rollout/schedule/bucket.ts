import type { Millis } from '../../common.ts'
import { murmur3 } from './murmur3.ts'

/**
 * Where a device stands in a rollout, in [0, 1): a stage of 5 % takes those below 0.05. Uniform over devices,
 * independent between rollouts, and the same on every node for ever: a change would move devices between the stages of
 * rollouts that are under way.
 */
export function bucketOf(rolloutId: string, deviceId: string): number {
  return murmur3(`${rolloutId}/${deviceId}`) / 2 ** 32
}

/**
 * How long a device waits within a stage so that a fleet does not come at once: whole milliseconds in
 * [0, `spreadSeconds` * 1000), uniform, independent of the bucket and between stages, the same for ever.
 */
export function spreadOffset(rolloutId: string, deviceId: string, stage: number, spreadSeconds: number): Millis {
  return Math.floor((murmur3(`${rolloutId}/${deviceId}/${stage}`) / 2 ** 32) * spreadSeconds * 1000)
}
