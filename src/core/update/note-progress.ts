import type { Stores } from '../ports.ts'
import { type By, progressOf, timeOutsFor } from './move-update.ts'
import { deadlineAfterNews } from './time-outs.ts'
import type { Trigger } from './transitions.ts'
import type { Update, UpdateState } from './update.ts'

/** The step at which each open state says how far it is. */
const AT_WORK: Readonly<Partial<Record<UpdateState, Trigger>>> = { downloading: 'download', installing: 'install' }

/** Whether a report of this step, repeated, says how far an update is that stands there already. */
export function isOfStep({ state }: Pick<Update, 'state'>, trigger: Trigger): boolean {
  return AT_WORK[state] === trigger
}

/**
 * Further progress of the step at which an update stands; it may only grow, so that late and repeated reports change
 * nothing. It is news: the update may take as long again. undefined when nothing changed.
 */
export async function noteProgress(
  stores: Stores,
  by: By,
  update: Update,
  news: { readonly progress: number; readonly reason?: string },
): Promise<Update | undefined> {
  const { serial, state } = update
  const progress = progressOf(news.progress)
  let current: Update | undefined = update
  while (current?.state === state && current.progress < progress) {
    const noted = await stores.updates.move(serial, current, {
      progress,
      deadline: deadlineAfterNews(current, by.clock.now(), timeOutsFor(by, current)),
      ...(news.reason !== undefined && { reason: news.reason }),
    })
    if (noted) return noted
    // Another report came at this moment; it may have said less.
    current = await stores.updates.find(serial)
  }
  return undefined
}
