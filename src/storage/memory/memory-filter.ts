import type { Device } from '../../core/device/device.ts'
import type { Filter } from '../../core/filter/filter.ts'
import { filterSubject } from '../../core/filter/filter-subject.ts'
import { matchesFilter } from '../../core/filter/matches-filter.ts'
import type { Tables } from './memory-tables.ts'

/** Whether a filter means this device as these tables know it. */
export function matchesWhere({ products, groups, modules, running }: Tables, device: Device, where: Filter): boolean {
  const { product, group, serial } = device
  const subject = filterSubject({
    device,
    product: product === null ? undefined : products.get(product),
    group: group === null ? undefined : groups.get(group),
    modules: product === null ? [] : [...modules.rows({ where: ['product', product] })],
    running: [...running.rows({ where: ['device', serial] })].map(({ row }) => row),
  })
  return matchesFilter(where, subject)
}
