import type { Core } from '../../core/create-core.ts'
import type { DeviceFacts } from '../../core/device/device-facts.ts'
import type { AskOptions } from '../../core/device-gateway.ts'
import type { VirtualProtocol } from './fleet-kinds.ts'

/**
 * What the server sees of a device of one protocol, through the gateway, as the protocol's own routes would call it.
 * Each act stands for one or more requests at one moment.
 */
export interface Manner {
  readonly ask: AskOptions
  /** Success is inferred some time after `succeed`, unless the device fetches again. */
  readonly isInferred?: true
  /** Takes what it was offered; false when somebody else was faster. */
  take(core: Core, facts: DeviceFacts): Promise<boolean>
  /** It begins to install; nothing where the protocol does not tell. */
  install(core: Core, facts: DeviceFacts): Promise<void>
  /** It runs the new version, which it names where its protocol does. */
  succeed(core: Core, facts: DeviceFacts, version: string): Promise<void>
  /** The new version does not work, and the device can say so, as far as its protocol lets it. */
  fail(core: Core, facts: DeviceFacts): Promise<void>
  /** It is back on the old version after a restart. */
  rollBack(core: Core, facts: DeviceFacts): Promise<void>
}

/** How devices of each protocol behave. */
export const MANNERS: Readonly<Record<VirtualProtocol, Manner>> = {
  native: telling('native'),
  enos: telling('enos'),
  iotaap: fetching('iotaap'),
  'spoke-zone': choosing('spoke-zone'),
}

/** Every step is reported, and the running version with each check. */
function telling(via: VirtualProtocol): Manner {
  const ask: AskOptions = { via, reporting: 'progress' }
  return {
    ask,
    take: async ({ gateway }, facts) => (await gateway.grant(facts, ask)) !== undefined,
    install: async ({ gateway }, facts) =>
      void (await gateway.report(facts, via, { trigger: 'install', progress: 50 })),
    succeed: async ({ gateway }, facts, version) => void (await gateway.checkIn(facts, { running: { '': version } })),
    fail: async ({ gateway }, facts) =>
      void (await gateway.report(facts, via, { trigger: 'fail', reason: 'the self-test failed' })),
    rollBack: async ({ gateway }, facts) =>
      void (await gateway.report(facts, via, { trigger: 'roll-back', reason: 'the self-test failed' })),
  }
}

/** Nothing is reported: the bytes are fetched, and a device that asks again and takes nothing has installed them. */
function fetching(via: VirtualProtocol): Manner {
  const ask: AskOptions = { via, reporting: 'silent', ignoreGroup: true }
  const fetchAgain = async ({ gateway }: Core, facts: DeviceFacts) => void (await gateway.startDownload(facts, ask))
  return {
    ask,
    isInferred: true,
    take: async ({ gateway }, facts) => {
      const ticket = await gateway.startDownload(facts, ask)
      if (ticket?.update) await gateway.finishDownload(facts, ticket)
      return ticket?.update !== undefined
    },
    install: async () => undefined,
    succeed: ({ gateway }, facts) => gateway.noteQuiet(facts, via),
    fail: fetchAgain,
    rollBack: fetchAgain,
  }
}

/** Bytes are chosen from a catalogue and fetched; what becomes of them nobody tells. */
function choosing(via: VirtualProtocol): Manner {
  const nothing = async () => undefined
  return {
    ask: { via, reporting: 'silent', isVerifiable: false, choosesFromCatalogue: true },
    take: async ({ gateway }, facts) => {
      const [file] = await gateway.catalogue(facts, via)
      const granted = file && (await gateway.find({ by: 'serial', serial: facts.device.serial }))
      const ticket = granted && (await gateway.startCatalogueDownload(granted, file, via))
      if (ticket) await gateway.finishDownload(granted, ticket)
      return ticket !== undefined
    },
    install: nothing,
    succeed: nothing,
    fail: nothing,
    rollBack: nothing,
  }
}
