import type { Serial } from '../common.ts'
import type { Stores } from '../ports.ts'

interface Difference {
  readonly before: Readonly<Record<string, unknown>>
  readonly after: Readonly<Record<string, unknown>>
}

type Find = (stores: Stores, serial: Serial) => Promise<{ readonly key: string } | undefined>

const REFERENCES: Readonly<Record<string, Find>> = {
  product: (stores, serial) => stores.products.find(serial),
  defaultProduct: (stores, serial) => stores.products.find(serial),
  group: (stores, serial) => stores.groups.find(serial),
}

/** A difference in which references are keys: a serial tells a reader of events nothing. */
export async function withKeys(stores: Stores, { before, after }: Difference): Promise<Difference> {
  return { before: await named(stores, before), after: await named(stores, after) }
}

async function named(stores: Stores, members: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>> {
  const told: Record<string, unknown> = { ...members }
  for (const [name, find] of Object.entries(REFERENCES)) {
    const serial = told[name]
    if (typeof serial === 'number') told[name] = (await find(stores, serial))?.key ?? null
  }
  return told
}
