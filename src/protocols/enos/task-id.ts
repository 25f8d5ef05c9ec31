import { createHmac } from 'node:crypto'
import type { Serial } from '../../core/common.ts'

/** One task: a device in a job. */
export interface TaskPair {
  readonly rollout: Serial
  readonly device: Serial
}

/** Where the key comes from: `secrets.derive(TASK_ID_KEY)`. */
export const TASK_ID_KEY = 'enos/task-id'

// A block of 96 bits: 16 zeros by which an id is recognised, 36 bits of the rollout, 44 of the device.
const ROLLOUT_BITS = 36n
const DEVICE_BITS = 44n
const HALF_BITS = 48n
const HALF = (1n << HALF_BITS) - 1n
const ROUNDS = 8

const ID = /^[0-9a-f]{24}$/

/**
 * [enos 3.3] A task's id from what it is, and back, without a row for it: a Feistel network of eight rounds over 96 bits
 * with HMAC-SHA-256 as its round function. Under one key each pair has one id, and ids tell nothing of their pairs.
 */
export interface TaskIds {
  /** 24 lower-case hex digits. Throws a `RangeError` for numbers beyond 2^36 (rollout) and 2^44 (device). */
  encode(pair: TaskPair): string
  /** undefined for what was never encoded under this key, but for one in 65,536. */
  decode(id: string): TaskPair | undefined
}

export function createTaskIds(key: Uint8Array): TaskIds {
  function round(index: number, half: bigint): bigint {
    const digest = createHmac('sha256', key)
      .update(`${index}:${half.toString(16)}`)
      .digest()
    return BigInt(digest.readUIntBE(0, 6))
  }

  return {
    encode({ rollout, device }) {
      let [left, right] = halves((bits(rollout, ROLLOUT_BITS) << DEVICE_BITS) | bits(device, DEVICE_BITS))
      for (let index = 0; index < ROUNDS; index += 1) [left, right] = [right, left ^ round(index, right)]
      return ((left << HALF_BITS) | right).toString(16).padStart(24, '0')
    },
    decode(id) {
      if (!ID.test(id)) return undefined
      let [left, right] = halves(BigInt(`0x${id}`))
      for (let index = ROUNDS - 1; index >= 0; index -= 1) [left, right] = [right ^ round(index, left), left]
      const block = (left << HALF_BITS) | right
      if (block >> (ROLLOUT_BITS + DEVICE_BITS) !== 0n) return undefined
      const [rollout, device] = [Number(block >> DEVICE_BITS), Number(block & ((1n << DEVICE_BITS) - 1n))]
      return rollout > 0 && device > 0 ? { rollout, device } : undefined
    },
  }
}

function halves(block: bigint): [bigint, bigint] {
  return [block >> HALF_BITS, block & HALF]
}

function bits(serial: Serial, size: bigint): bigint {
  const value = BigInt(serial)
  if (value <= 0n || value >= 1n << size) throw new RangeError(`${serial} has no place in an id of ${size} bits`)
  return value
}
