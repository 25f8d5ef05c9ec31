import type { Id } from '../../common.ts'
import { deviceActor } from '../../device/device-facts.ts'
import type { Caller } from '../../device/device-store.ts'
import type { NamedReport, ReportResult, StepReport } from '../../device-gateway.ts'
import type { Happening } from '../../event/record.ts'
import { type By, moveEvent, plannedMove } from '../move-update.ts'
import { plannedProgress } from '../note-progress.ts'
import { isOpen, type Update } from '../update.ts'
import type { Advance } from '../update-store.ts'
import { newsOf } from './news-of.ts'

interface Draft {
  readonly before: Update
  readonly after: Update
}

/**
 * What reports make of open updates, one report after the other, before anything is stored. Only for reports that leave
 * updates open (see `leavesOpen`).
 */
export class UpdateDrafts {
  readonly #by: Pick<By, 'clock' | 'limits'>
  readonly #drafts: Map<Id, Draft>
  /** In the order in which they happened. */
  readonly happenings: Happening[] = []

  constructor(by: Pick<By, 'clock' | 'limits'>, updates: readonly Update[]) {
    this.#by = by
    this.#drafts = new Map(updates.map((update) => [update.id, { before: update, after: update }]))
  }

  has(id: Id): boolean {
    return this.#drafts.has(id)
  }

  /** `via`: the protocol over which it came. */
  take({ caller, via }: { caller: Caller; via: string }, report: NamedReport): ReportResult {
    const update = this.#drafts.get(report.update)?.after
    const isIts = update?.device === caller.serial && update.organisation === caller.organisation
    if (!isIts || update.via !== via) return { kind: 'ignored', because: 'no-such-update' }
    if (!isOpen(update.state)) return { kind: 'ignored', because: 'closed', state: update.state }
    const moved = report.steps.reduce((current, step) => this.#move(caller, current, { report, step }), update)
    const after = moved === update ? this.#progress(update, report) : moved
    if (after === update) return { kind: 'ignored', because: 'late', state: update.state }
    return { kind: 'accepted', state: after.state }
  }

  /** What is to be stored. */
  advances(): Advance[] {
    return [...this.#drafts.values()].filter(({ before, after }) => before !== after)
  }

  #move(caller: Caller, update: Update, { report, step }: { report: NamedReport; step: StepReport }): Update {
    const actor = deviceActor(caller)
    const move = { ...step, actor, ...(report.at !== undefined && { facts: { reportedAt: report.at } }) }
    const planned = plannedMove(this.#by, update, move)
    if (!planned) return update
    this.happenings.push(moveEvent(update, planned.state, move, caller.id))
    return this.#become(update, planned)
  }

  #progress(update: Update, report: NamedReport): Update {
    const news = newsOf(report, update)
    const planned = news && plannedProgress(this.#by, update, news)
    return planned ? this.#become(update, planned) : update
  }

  #become(update: Update, change: Partial<Update>): Update {
    const after = { ...update, ...change }
    const before = this.#drafts.get(update.id)?.before ?? update
    this.#drafts.set(update.id, { before, after })
    return after
  }
}
