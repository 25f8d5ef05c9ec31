import { BoundedMap } from '../bounded-map.ts'
import type { Labels, Serial } from '../common.ts'
import type { Organisation } from '../organisation/organisation.ts'
import type { Module, Product } from '../product/product.ts'
import type { ModuleStep, Update } from '../update/update.ts'
import type { Credential, Device, RunningVersion } from './device.ts'
import type { DeviceFacts } from './device-facts.ts'
import { ListPool, Pool } from './pool.ts'
import { SharedOffers } from './shared-offers.ts'
import { sharedRow } from './shared-row.ts'

/** Organisations, products, modules, texts and sets of labels that are remembered, each. */
const CAPACITY = 10_000
/** Labels and texts beyond it are hardly those of a second device. */
const LONGEST = 500

/**
 * Lets the facts of many devices share what they have in common, so that memory holds each of it once: rows, and equal
 * texts and labels. What comes out says exactly what went in.
 */
export class SharedRows {
  readonly #organisations = new BoundedMap<Serial, Organisation>(CAPACITY)
  readonly #products = new BoundedMap<Serial, Product>(CAPACITY)
  readonly #modules = new BoundedMap<Serial, Module>(CAPACITY)
  readonly #moduleLists = new ListPool<Module>(CAPACITY)
  readonly #offers = new SharedOffers()
  readonly #texts = new Pool<string>(CAPACITY)
  readonly #labels = new Pool<Labels>(CAPACITY)
  readonly #steps = new Pool<readonly ModuleStep[]>(CAPACITY)
  readonly #sequences = new Pool<DeviceFacts['sequences']>(CAPACITY)

  share(facts: DeviceFacts): DeviceFacts {
    const { product, own, group, openOffer } = facts
    const latest = facts.latest && this.#update(facts.latest)
    return {
      ...facts,
      ...this.#ofDevice(facts),
      organisation: sharedRow(this.#organisations, facts.organisation),
      ...(product && { product: sharedRow(this.#products, product) }),
      modules: product ? this.#modulesOf(product.serial, facts.modules) : facts.modules,
      rollouts: product ? this.#offers.candidates(product.serial, facts.rollouts) : facts.rollouts,
      ...(own && { own: this.#offers.offer(own, true) }),
      ...(group && { group: this.#offers.offer(group, false) }),
      ...(openOffer && { openOffer: this.#offers.offer(openOffer, false) }),
      ...(latest && { latest }),
      ...(facts.open && { open: this.#sameOr(latest, facts.open) }),
      recent: facts.recent.length === 0 ? NONE : facts.recent.map((one) => this.#sameOr(latest, one)),
    }
  }

  #ofDevice({ device, groupKey, running, credentials, sequences }: DeviceFacts) {
    return {
      device: this.#device(device),
      groupKey: groupKey === null ? null : this.#text(groupKey),
      running: running.length === 0 ? NONE : running.map((one) => this.#running(one)),
      credentials: credentials.length === 0 ? NONE : credentials.map((one) => this.#credential(one)),
      sequences: this.#sequences.share(JSON.stringify([...sequences]), sequences),
    }
  }

  #modulesOf(product: Serial, rows: readonly Module[]): readonly Module[] {
    return this.#moduleLists.share(
      product,
      rows.map((row) => sharedRow(this.#modules, row)),
    )
  }

  #device(device: Device): Device {
    const { status, tags, attributes, aliases } = device
    return {
      ...device,
      status: this.#text(status),
      tags: this.#labelled(tags),
      attributes: this.#labelled(attributes),
      aliases: this.#labelled(aliases),
    }
  }

  #running(running: RunningVersion): RunningVersion {
    const { version, previousVersion } = running
    return {
      ...running,
      version: this.#text(version),
      previousVersion: previousVersion === null ? null : this.#text(previousVersion),
    }
  }

  #credential(credential: Credential): Credential {
    const { scheme, details } = credential
    return { ...credential, scheme: this.#text(scheme), details: this.#labelled(details) }
  }

  #update(update: Update): Update {
    const { via, state, reason, steps } = update
    return {
      ...update,
      via: this.#text(via),
      state: this.#text(state),
      reason: this.#text(reason),
      steps: this.#steps.share(JSON.stringify(steps), steps),
    }
  }

  /** The open update is mostly the newest one too. */
  #sameOr(latest: Update | undefined, update: Update): Update {
    const isSame = latest?.serial === update.serial && latest.revision === update.revision
    // The mark of a deleted rollout is taken off what is read, and not yet off the row.
    return isSame && latest.rollout === update.rollout ? latest : this.#update(update)
  }

  #text<T extends string>(text: T): T {
    return text.length > LONGEST ? text : (this.#texts.share(text, text) as T)
  }

  #labelled<T extends Labels>(labels: T): T {
    const name = JSON.stringify(labels)
    return name.length > LONGEST ? labels : (this.#labels.share(name, labels) as T)
  }
}

const NONE: readonly never[] = []
