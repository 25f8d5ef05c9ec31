import { setTimeout as sleep } from 'node:timers/promises'
import type { Storage, Stores } from '../../src/core/ports.ts'

/** Whoever waits for the one that stands still shows that by not answering for so long, ms. */
const WAITS_MS = 1000

/** Stops one transaction in its middle. */
export interface Pause {
  /** Resolves when a transaction stands before the call. */
  readonly reached: Promise<void>
  /** Lets it go on. */
  goOn(): void
}

/** A storage one of whose calls can be made to wait, so that others overtake a transaction that has read already. */
export interface PausingStorage {
  readonly storage: Storage
  /** Makes the next call wait. */
  pause(): Pause
}

/** `store` and `method` name the call, inside of transactions alone. */
export function pausingStorage<S extends keyof Stores>(
  inner: Storage,
  store: S,
  method: keyof Stores[S] & string,
): PausingStorage {
  let next: { reached: () => void; go: Promise<void> } | undefined
  const paused = (stores: Stores): Stores => ({ ...stores, [store]: watched(stores[store], method, pass) })
  const pass = async () => {
    const current = next
    next = undefined
    current?.reached()
    await current?.go
  }
  return {
    storage: {
      read: inner.read,
      management: inner.management,
      invalidation: inner.invalidation,
      transaction: (work) => inner.transaction((stores) => work(paused(stores))),
      onChange: (listener) => inner.onChange(listener),
      check: () => inner.check(),
      close: () => inner.close(),
    },
    pause: () => {
      const [reached, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      next = { reached: reached.resolve, go: go.promise }
      return { reached: reached.promise, goOn: go.resolve }
    },
  }
}

/**
 * Begins `work`, lets `act` happen when it stands before the call, and then goes on: with `act` done, or waiting for
 * `work`. Answers what became of both.
 */
export async function overtake<T, A>(
  pausing: PausingStorage,
  work: () => Promise<T>,
  act: () => Promise<A>,
): Promise<[T, A]> {
  const pause = pausing.pause()
  const working = work()
  await Promise.race([pause.reached, working])
  const acting = act()
  await Promise.race([acting.catch(() => undefined), sleep(WAITS_MS)])
  pause.goOn()
  return Promise.all([working, acting])
}

function watched<T extends object>(target: T, method: string, pass: () => Promise<void>): T {
  return new Proxy(target, {
    get: (_, name) => {
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      if (name !== method) return member.bind(target)
      return async (...given: unknown[]) => {
        await pass()
        return member.apply(target, given)
      }
    },
  })
}
