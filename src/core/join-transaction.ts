import { createServices, type Services } from './create-core.ts'
import type { Storage, Stores } from './ports.ts'
import type { ServiceDeps } from './service.ts'

/** What services did beyond the database inside a joined transaction; done by `flush` once it is committed. */
export interface Joined {
  readonly services: Services
  flush(): void
}

/** Services that all work within one open transaction, so that many changes become one: all of them or none. */
export function joinTransaction(deps: ServiceDeps, stores: Stores): Joined {
  const notices: Array<Parameters<ServiceDeps['notifier']['assigned']>> = []
  const storage: Storage = {
    ...closedParts(deps.storage),
    read: stores,
    management: stores,
    transaction: (work) => work(stores),
  }
  const notifier = {
    assigned: (...notice: Parameters<ServiceDeps['notifier']['assigned']>) => {
      notices.push(notice)
    },
  }
  return {
    services: createServices({ ...deps, storage, notifier }),
    flush: () => {
      for (const notice of notices) deps.notifier.assigned(...notice)
    },
  }
}

function closedParts(storage: Storage): Omit<Storage, 'read' | 'management' | 'transaction'> {
  return {
    invalidation: storage.invalidation,
    onChange: (listener) => storage.onChange(listener),
    check: () => storage.check(),
    close: async () => undefined,
  }
}
