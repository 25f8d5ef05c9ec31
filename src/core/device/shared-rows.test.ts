import { expect, it } from 'vitest'
import type { DeviceFacts } from './device-facts.ts'
import { SharedRows } from './shared-rows.ts'

const row = (serial: number, revision = 1) => ({ serial, revision })
const factsOf = (given: { organisation?: number; module?: number }) =>
  ({
    organisation: row(1, given.organisation),
    product: row(2),
    modules: [row(3), row(4, given.module)],
  }) as unknown as DeviceFacts

it('gives equal rows the same identity, and changed ones their own', () => {
  const rows = new SharedRows()
  const [first, second] = [rows.share(factsOf({})), rows.share(factsOf({}))]
  expect(second.organisation).toBe(first.organisation)
  expect(second.product).toBe(first.product)
  expect(second.modules).toBe(first.modules)

  const changed = rows.share(factsOf({ organisation: 2, module: 5 }))
  expect(changed.organisation.revision).toBe(2)
  expect(changed.modules[0]).toBe(first.modules[0])
  expect(changed.modules[1]?.revision).toBe(5)
  expect(rows.share(factsOf({ organisation: 2, module: 5 })).modules).toBe(changed.modules)
})
