import { z } from 'zod'
import type { DeviceGroup } from '../core/device/device.ts'
import type { Stores } from '../core/ports.ts'
import { changeOf, requireConfirmation } from '../core/rollout/preview/confirmation.ts'
import { type DeviceChange, previewStarts } from '../core/rollout/preview/preview-starts.ts'
import { Starts } from '../core/rollout/preview/starts.ts'
import type { OrganisationCall } from './route.ts'

/** Longest token; of 200 updates it has about 4,000 characters. */
const TOKEN_CHARS = 8_000

export const confirmQuery = {
  confirm: z
    .string()
    .max(TOKEN_CHARS)
    .optional()
    .describe('Token of the refusal `confirmation-needed`: lets the change start the updates that it was shown with'),
}

/** For descriptions of routes. */
export const CONFIRMATION =
  'Where it would start updates of running rollouts that would not start without it, it is refused (409 `confirmation-needed`): `facts` has the devices, the rollouts and a `token`. Repeat the same request with `confirm=<token>` to go on.'

export const confirmationView = z.strictObject({
  words: z.string(),
  devices: z.int().describe('Updates that would start'),
  examples: z.array(z.string()).describe('Keys of the first devices'),
  rollouts: z.array(z.strictObject({ id: z.string(), key: z.string(), version: z.string(), devices: z.int() })),
  token: z.string().describe('For `confirm`'),
  expiresInSeconds: z.int(),
})

/** What a change is, for its token: the same parts mean the same change. */
interface Asked {
  readonly what: readonly unknown[]
  readonly confirm: string | undefined
}

/** Throws `confirmation-needed` when the changes would start updates that nobody confirmed. Before they are made. */
export async function confirmStarts(
  call: OrganisationCall,
  changes: readonly DeviceChange[],
  asked: Asked,
  starts = new Starts(),
): Promise<void> {
  const { core, stores, organisation, context } = call
  await previewStarts(core.deps, stores, changes, { styles: context.options.askStyles ?? {}, starts })
  const change = changeOf(...asked.what)
  await requireConfirmation(core.deps, { organisations: [organisation.serial], change, starts }, asked.confirm)
}

/** Members of a group that are looked at when all of them leave it. */
const MOST_LEAVING = 10_000
const PAGE = 500

/** The changes of devices when their group goes; of very large groups not all. */
export async function leavingChanges(
  stores: Stores,
  { organisation, serial }: Pick<DeviceGroup, 'organisation' | 'serial'>,
): Promise<{ changes: DeviceChange[]; isPartial: boolean }> {
  const changes: DeviceChange[] = []
  let after = 0
  for (;;) {
    const page = await stores.devices.list({ organisation, group: serial }, { limit: PAGE, after })
    for (const before of page) changes.push({ before, after: { ...before, group: null } })
    after = page.at(-1)?.serial ?? after
    if (page.length < PAGE) return { changes, isPartial: false }
    if (changes.length >= MOST_LEAVING) return { changes, isPartial: true }
  }
}
