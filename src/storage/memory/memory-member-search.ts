import type { Serial } from '../../core/common.ts'
import { isLike, lastNews, type MemberFound, type MemberSearch } from '../../core/rollout/member-search.ts'
import { take } from './memory-session.ts'
import { joined, type Tables } from './memory-tables.ts'

/** All members that are found, the latest news first, then the highest serial. */
export function foundMembers(tables: Tables, search: MemberSearch): MemberFound[] {
  const { devices, like, news = {} } = search
  const { from = 0, until = Number.POSITIVE_INFINITY } = news
  const among = devices && new Set(devices)
  const found: MemberFound[] = []
  for (const rollout of new Set(search.rollouts))
    for (const member of tables.rolloutMembers.rows({ where: ['rollout', rollout] })) {
      if (among?.has(member.device) === false) continue
      const update = member.update === null ? undefined : tables.updates.get(member.update)
      const one = { member, ...(update && { update }) }
      const at = lastNews(one)
      if (at < from || at >= until) continue
      const runs = like === undefined ? '' : runsNow(tables, member.device)
      if (like === undefined || like.some((traits) => isLike(one, runs, traits))) found.push(one)
    }
  return found.sort((a, b) => lastNews(b) - lastNews(a) || b.member.serial - a.member.serial)
}

function runsNow({ devices, modules, running }: Tables, device: Serial): string {
  const product = devices.get(device)?.product ?? null
  if (product === null) return ''
  const [primary] = take(modules.rows({ where: ['product', product] }), { limit: 1 }, (row) => row.isPrimary)
  return (primary && running.find('pair', joined(device, primary.serial))?.row.version) ?? ''
}
