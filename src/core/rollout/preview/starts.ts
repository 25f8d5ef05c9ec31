import { createHash } from 'node:crypto'
import type { Device } from '../../device/device.ts'
import type { RolloutOffer } from './preview-start.ts'

/** Devices that are named. */
export const NAMED = 10

/** Starts of which each is remembered by a token; of more, all of them together. */
export const REMEMBERED = 200

/** A device that a change would let a rollout update. */
export interface Start {
  readonly device: Pick<Device, 'id' | 'key'>
  readonly offer: RolloutOffer
}

export interface RolloutStarts extends RolloutOffer {
  readonly devices: number
}

/** Gathers the updates that a change would start, in bounded memory. */
export class Starts {
  readonly #rollouts = new Map<string, { offer: RolloutOffer; devices: number }>()
  readonly #examples: string[] = []
  readonly #pairs: string[] = []
  readonly #digest = createHash('sha256')
  #devices = 0
  /** Not every device was looked at: there may be more. */
  isPartial = false

  add({ device, offer }: Start): void {
    this.#devices += 1
    const pair = nameOf(device.id, offer.rollout.id)
    if (this.#pairs.length < REMEMBERED) this.#pairs.push(pair)
    this.#digest.update(`${pair}\n`)
    if (this.#examples.length < NAMED) this.#examples.push(device.key)
    const of = this.#rollouts.get(offer.rollout.id) ?? { offer, devices: 0 }
    of.devices += 1
    this.#rollouts.set(offer.rollout.id, of)
  }

  /** Adds what was gathered elsewhere. */
  merge(other: Starts): void {
    this.#devices += other.#devices
    this.#pairs.push(...other.#pairs.slice(0, REMEMBERED - this.#pairs.length))
    this.#digest.update(`${other.#digest.copy().digest('base64url')}\n`)
    this.#examples.push(...other.#examples.slice(0, NAMED - this.#examples.length))
    for (const [id, { offer, devices }] of other.#rollouts) {
      const of = this.#rollouts.get(id) ?? { offer, devices: 0 }
      of.devices += devices
      this.#rollouts.set(id, of)
    }
    this.isPartial ||= other.isPartial
  }

  get devices(): number {
    return this.#devices
  }

  /** Keys of the first devices. */
  get examples(): readonly string[] {
    return this.#examples
  }

  get rollouts(): RolloutStarts[] {
    return [...this.#rollouts.values()].map(({ offer, devices }) => ({ ...offer, devices }))
  }

  /** What a token remembers of them: each, or all of them together where they are many. */
  get memory(): StartsMemory {
    if (this.#devices <= REMEMBERED) return { pairs: [...this.#pairs] }
    return { digest: this.#digest.copy().digest('base64url') }
  }

  /** Their number by rollout, where a token is to stand for no more than that. */
  get counts(): StartsMemory {
    return { counts: Object.fromEntries(this.rollouts.map(({ rollout, devices }) => [rollout.id, devices])) }
  }

  /** Whether none of them is beyond what was remembered. */
  isWithin(memory: StartsMemory): boolean {
    if ('counts' in memory)
      return this.rollouts.every(({ rollout, devices }) => devices <= (memory.counts[rollout.id] ?? 0))
    if ('digest' in memory) return 'digest' in this.memory && this.memory.digest === memory.digest
    const known = new Set(memory.pairs)
    return this.#devices <= REMEMBERED && this.#pairs.every((pair) => known.has(pair))
  }

  /** `It would start 3 updates: rollout spring (1.3.0) takes in 3 devices. The first are truck-1, truck-2, truck-3.` */
  words(): string {
    const [count, least] = [this.#devices, this.isPartial ? 'at least ' : '']
    const rollouts = this.rollouts.map(
      ({ rollout, version, devices }) =>
        `rollout ${rollout.key} (${version}) takes in ${devices === 1 ? '1 device' : `${whole(devices)} devices`}`,
    )
    const names = `${count > this.#examples.length ? 'the first are ' : ''}${this.#examples.join(', ')}`
    return `It would start ${least}${count === 1 ? '1 update' : `${whole(count)} updates`}: ${rollouts.join('; ')} (${names}).`
  }
}

export type StartsMemory =
  | { readonly pairs: readonly string[] }
  | { readonly digest: string }
  | { readonly counts: Readonly<Record<string, number>> }

/** Short enough for many of them to stand in one token. */
function nameOf(device: string, rollout: string): string {
  return createHash('sha256').update(`${device}/${rollout}`).digest('base64url').slice(0, 12)
}

const whole = (value: number): string => value.toLocaleString('en-US')
