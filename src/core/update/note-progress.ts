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

/** News of the step at which an update stands. */
export interface StepNews {
  readonly progress: number
  readonly reason?: string
}

/**
 * What further progress of the step at which an update stands makes of it. It may only grow, so that late and repeated
 * reports change nothing. It is news: the update may take as long again. undefined when it changes nothing.
 */
export function plannedProgress(by: Pick<By, 'clock' | 'limits'>, update: Update, news: StepNews) {
  const progress = progressOf(news.progress)
  if (update.progress >= progress) return undefined
  return {
    progress,
    deadline: deadlineAfterNews(update, by.clock.now(), timeOutsFor(by, update)),
    ...(news.reason !== undefined && { reason: news.reason }),
  }
}

/** Stores such progress (see `plannedProgress`). undefined when nothing changed. */
export async function noteProgress(
  stores: Stores,
  by: By,
  update: Update,
  news: StepNews,
): Promise<Update | undefined> {
  const { serial, state } = update
  let current: Update | undefined = update
  while (current?.state === state) {
    const planned = plannedProgress(by, current, news)
    if (!planned) return undefined
    const noted = await stores.updates.move(serial, current, planned)
    if (noted) return noted
    // Another report came at this moment; it may have said less.
    current = await stores.updates.find(serial)
  }
  return undefined
}
