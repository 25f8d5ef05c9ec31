import { expect } from 'vitest'
import type { Attempt, Case, Parties, Reply } from './case.ts'
import { disguiseOf, leaked, markersOf } from './leaks.ts'
import type { State } from './state.ts'
import type { Tenant } from './tenant.ts'
import type { World } from './world.ts'

interface Tried {
  readonly method: string
  readonly one: Case
  readonly pair: readonly [Tenant, Tenant]
}

/** One route, tried with two organisations. */
export class Trial {
  readonly #world: World
  readonly #method: string
  readonly #one: Case
  readonly #pair: readonly [Tenant, Tenant]
  /** As it was after the last step. */
  #state: State | undefined

  constructor(world: World, { method, one, pair }: Tried) {
    this.#world = world
    this.#method = method
    this.#one = one
    this.#pair = pair
  }

  /** The same request, made by those whose right it is. */
  async succeed(): Promise<void> {
    const [a] = this.#pair
    const parties = this.#world.parties(a, a, a)
    const bearer = this.#one.isAdministrators ? this.#world.administrator : parties.bearer
    const reply = await this.#send(this.#one.request({ ...parties, bearer }))
    const isGood =
      this.#one.succeeded && this.#method !== 'HEAD'
        ? this.#one.succeeded(reply)
        : reply.status >= 200 && reply.status < 300
    expect(isGood, `the request of one's own: ${reply.status} ${reply.text.slice(0, 500)}`).toBe(true)
    this.#state = await this.#world.state(...this.#pair)
  }

  /** A's things with B's credentials and the reverse, and every mixture in which a third part is named. */
  async everyMixture(): Promise<void> {
    const [a, b] = this.#pair
    const tried = new Set<string>()
    for (const who of [a, b])
      for (const target of [a, b])
        for (const org of [a, b]) {
          const parties = this.#world.parties(who, target, org)
          const attempt = this.#one.request(parties)
          const isOwn = textOf(attempt) === textOf(this.#one.request({ ...parties, target: who, org: who }))
          if (isOwn || tried.has(textOf(attempt))) continue
          tried.add(textOf(attempt))
          await this.#attempt(attempt, { parties, other: who === a ? b : a })
        }
  }

  /** A foreign attempt tells nothing of the other's, changes nothing of it, and is answered as if nothing was there. */
  async #attempt(attempt: Attempt, { parties, other }: { parties: Parties; other: Tenant }): Promise<void> {
    const before = this.#state ?? (await this.#world.state(...this.#pair))
    const markers = markersOf(other, before)
    const reply = await this.#send(attempt)
    const what = `${this.#method} ${attempt.path} as ${parties.who.mark}: ${reply.status} ${reply.text.slice(0, 500)}`
    expect(leaked(markers, attempt, reply), what).toEqual([])
    expect(reply.status, what).toBeLessThan(500)
    if (parties.target === other && !this.#one.mayTellExistence) await this.#compareWithNothing(parties)

    const after = await this.#world.state(...this.#pair)
    expect(after.owned.get(other.organisation.serial), what).toEqual(before.owned.get(other.organisation.serial))
    expect(after.unowned, what).toEqual(expect.arrayContaining([...before.unowned]))
    this.#state = after
  }

  /** What exists elsewhere is answered as what exists nowhere. */
  async #compareWithNothing(parties: Parties): Promise<void> {
    const disguise = disguiseOf(parties.target)
    const nothing = { ...disguise(parties.target), image: parties.target.image }
    const org = parties.org === parties.target && !this.#one.organisationsAreKnown ? nothing : parties.org
    const again = (different: Partial<Parties>) =>
      this.#send(this.#one.request({ ...parties, timestamp: this.#world.timestamp(), ...different }))
    const real = await again({})
    const other = await again({ target: nothing, org })
    const shown = { ...other, text: other.text.replaceAll(parties.target.mark, nothing.mark) }
    expect(comparable(shown), `${this.#method}: as what is nobody's`).toEqual(
      comparable({ ...real, text: disguise(real.text) }),
    )
  }

  #send(attempt: Attempt): Promise<Reply> {
    return this.#world.send(this.#method, attempt)
  }
}

const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g

/** Good answers name new things; refusals name what was asked for, and perhaps a number of the request. */
function comparable({ status, text }: Reply): object {
  const isGood = status < 300 && !/^\{"(code|status)":[1-9]/.test(text)
  return { status, text: isGood ? 'good' : text.replaceAll(UUID, 'uuid') }
}

/** An attempt without what differs each time. */
function textOf(attempt: Attempt): string {
  return JSON.stringify(attempt).replaceAll(
    /"apim-(timestamp|signature)":"\w+"|encryption\\?":\\?"\w+|timestamp\\?":\d+/g,
    '',
  )
}
