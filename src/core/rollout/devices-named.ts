import type { Filter } from '../filter/filter.ts'
import type { DeviceName } from './rollout-store.ts'

/**
 * The devices that a filter names, where it can never hold for any other one, each once; undefined when it may hold for
 * others. Pure.
 */
export function devicesNamed(filter: Filter): DeviceName[] | undefined {
  if (filter.kind === 'one-of' && filter.field === 'id') return [...new Set(filter.values)].map((id) => ({ id }))
  if (filter.kind === 'one-of' && filter.field === 'key') return [...new Set(filter.values)].map((key) => ({ key }))
  if (filter.kind !== 'all') return undefined
  // Each of the lists bounds the whole: the shortest does it best.
  const lists = filter.of.flatMap((one) => {
    const names = devicesNamed(one)
    return names ? [names] : []
  })
  return lists.toSorted((a, b) => a.length - b.length)[0]
}
