import { join } from 'node:path'
import type { AgentOptions, Machine } from './agent-options.ts'
import { BackOff } from './back-off.ts'
import { Downloads } from './download.ts'
import { CallFailure, UpdateFailure } from './failures.ts'
import { Installer } from './installer.ts'
import { runningVersions } from './running-versions.ts'
import { StateFile, type Work } from './state-file.ts'
import { type Answer, Wire, type WireReport } from './wire.ts'

/** Reports in one request. [native 5.1] */
const BATCH = 50
/** Longest single wait for a change, seconds. [native 6] */
const WAIT_SECONDS = 60

/**
 * The reference agent: checks, fetches, installs through a hook, and believes in a new version when it runs. It may be
 * killed at any moment: what it was doing stands in the state folder before it is done.
 */
export class Agent {
  readonly #options: AgentOptions
  readonly #machine: Machine
  readonly #state: StateFile
  readonly #wire: Wire
  readonly #downloads: Downloads
  readonly #installer: Installer

  private constructor(options: AgentOptions, machine: Machine, state: StateFile) {
    this.#options = options
    this.#machine = machine
    this.#state = state
    this.#wire = new Wire(options)
    this.#downloads = new Downloads(options.stateFolder, this.#wire)
    this.#installer = new Installer({
      options,
      machine,
      state,
      downloads: this.#downloads,
      rebootMarker: join(options.stateFolder, 'reboot-required'),
      running: () => this.#running(),
      queue: (report) => this.#withReport(report),
    })
  }

  static async open(options: AgentOptions, machine: Machine): Promise<Agent> {
    return new Agent(options, machine, await StateFile.open(options.stateFolder, machine.log))
  }

  /** Goes on until `signal` is aborted; a hook that runs then is let to its end. */
  async run(signal: AbortSignal): Promise<void> {
    const backOff = new BackOff(this.#machine.random)
    while (!signal.aborted) {
      try {
        const seconds = await this.once(signal)
        backOff.reset()
        await this.#rest(seconds, signal)
      } catch (error) {
        if (signal.aborted) return
        if (!(error instanceof CallFailure)) throw error
        const pause = backOff.next(error.retryAfterSeconds)
        this.#machine.log(`${error.message}; again in ${Math.ceil(pause / 1000)} s`)
        await this.#machine.sleep(pause, signal)
      }
    }
  }

  /** One round: ends what was begun, reports, checks, and does what there is to do. Answers when to check again, seconds. */
  async once(signal: AbortSignal): Promise<number> {
    await this.#installer.recover()
    await this.#flush(signal)
    const answer = await this.#check(signal)
    await this.#act(answer, signal)
    await this.#flush(signal)
    return answer.retryAfterSeconds
  }

  async #act(answer: Answer, signal: AbortSignal): Promise<void> {
    const { work } = this.#state
    // Past the point of no return only the machine itself can say how it ends.
    if (work && work.phase !== 'fetching') return
    switch (answer.action) {
      case 'none':
        return this.#drop()
      case 'cancel':
        return this.#drop(
          work && work.update === answer.update?.id ? { update: work.update, state: 'cancelled' } : undefined,
        )
      case 'update':
        return this.#update(await this.#take(answer), signal)
    }
  }

  /** Makes the answer's update the work; the same one goes on where it was. */
  async #take({ update }: Answer): Promise<Work> {
    if (!update) throw new CallFailure('an update without its facts')
    const known = this.#state.work?.update === update.id ? this.#state.work : undefined
    const work: Work = {
      update: update.id,
      version: update.version,
      modules: update.modules,
      phase: 'fetching',
      installed: 0,
      before: await this.#running(),
      mismatches: known?.mismatches ?? 0,
    }
    if (!known) this.#machine.log(`update ${update.id} to ${update.version}`)
    await this.#state.change({ work })
    await this.#downloads.keepOnly(work.modules)
    return work
  }

  async #update(work: Work, signal: AbortSignal): Promise<void> {
    try {
      this.#refuseStrangers(work)
      if (!(await this.#fetchAll(work, signal))) return
    } catch (error) {
      if (!(error instanceof UpdateFailure) && !isOfTheDisk(error)) throw error
      this.#machine.log(`update ${work.update}: ${error.message}`)
      return this.#drop({ update: work.update, state: 'failed', reason: error.message })
    }
    await this.#flush(signal)
    // The last moment at which a cancellation costs nothing.
    const answer = await this.#check(signal)
    if (answer.action !== 'update' || answer.update?.id !== work.update) return this.#act(answer, signal)
    await this.#installer.install()
  }

  #refuseStrangers(work: Work): void {
    const strange = work.modules.find(({ module }) => !this.#options.modules.includes(module))
    if (strange) throw new UpdateFailure(`this agent does not install ${strange.module}`)
  }

  /** False when a file was wrong for the first time: the next round fetches it afresh. */
  async #fetchAll(work: Work, signal: AbortSignal): Promise<boolean> {
    for (const module of work.modules) {
      const onPercent = (progress: number) =>
        this.#report({ update: work.update, state: 'downloading', progress }, signal)
      const fetched = await this.#downloads.fetch(module, { signal, onPercent })
      if (fetched.kind === 'there') continue
      if (work.mismatches > 0) throw new UpdateFailure(`${module.module}: the file has another hash, twice`)
      await this.#state.change({ work: { ...work, mismatches: work.mismatches + 1 } })
      throw new CallFailure(`${module.module}: the file has another hash`)
    }
    await this.#state.change({ reports: this.#withReport({ update: work.update, state: 'downloaded' }) })
    return true
  }

  /** Ends work that touched nothing but the downloads. */
  async #drop(report?: Omit<WireReport, 'id'>): Promise<void> {
    if (!this.#state.work && !report) return
    await this.#state.change({ work: undefined, ...(report && { reports: this.#withReport(report) }) })
    await this.#downloads.keepOnly([])
  }

  async #check(signal: AbortSignal): Promise<Answer> {
    const hints = this.#options.isMetered ? { metered: true } : {}
    return this.#wire.check({ running: await this.#running(), ...hints }, signal)
  }

  #running(): Promise<Record<string, string>> {
    const { environment, log } = this.#machine
    return runningVersions(this.#options.modules, this.#options.version, { environment, log })
  }

  #withReport(report: Omit<WireReport, 'id'>): WireReport[] {
    return [...this.#state.reports, { id: this.#machine.uuid(), ...report }]
  }

  /** A report of progress: worth a call, and nothing more when that fails. */
  async #report(report: Omit<WireReport, 'id'>, signal: AbortSignal): Promise<void> {
    try {
      await this.#wire.report([{ id: this.#machine.uuid(), ...report }], signal)
    } catch (error) {
      if (!(error instanceof CallFailure) || signal.aborted) throw error
    }
  }

  /** Sends what is queued; it leaves the queue when the server has it. */
  async #flush(signal: AbortSignal): Promise<void> {
    while (this.#state.reports.length > 0) {
      const batch = this.#state.reports.slice(0, BATCH)
      await this.#wire.report(batch, signal)
      await this.#state.change({ reports: this.#state.reports.slice(batch.length) })
    }
  }

  /** Until the next check: asleep, or holding the line. */
  async #rest(seconds: number, signal: AbortSignal): Promise<void> {
    if (!this.#options.isWaiting || this.#state.work) return this.#machine.sleep(seconds * 1000, signal)
    for (let left = seconds; left > 0 && !signal.aborted; left -= WAIT_SECONDS)
      if (await this.#wire.wait(Math.min(left, WAIT_SECONDS), this.#options, signal)) return
  }
}

/** A full or failing disk, as opposed to a fault of ours. */
function isOfTheDisk(error: unknown): error is NodeJS.ErrnoException {
  return (
    error instanceof Error &&
    'code' in error &&
    ['ENOSPC', 'EDQUOT', 'EFBIG', 'EIO', 'EROFS'].includes(String(error.code))
  )
}
