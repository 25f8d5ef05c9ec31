import type { AgentOptions, Machine } from './agent-options.ts'
import type { Downloads } from './download.ts'
import { readIfThere, removeFile, writeDurably } from './durable.ts'
import { endHook, type HookResult, runHook } from './run-hook.ts'
import type { StateFile, Work } from './state-file.ts'
import type { WireReport, WorkModule } from './wire.ts'

export interface InstallerParts {
  readonly options: AgentOptions
  readonly machine: Machine
  readonly state: StateFile
  readonly downloads: Downloads
  /** A file that is there while the machine must be restarted. */
  readonly rebootMarker: string
  readonly running: () => Promise<Record<string, string>>
  /** The queue of reports with one more. */
  readonly queue: (report: Omit<WireReport, 'id'>) => readonly WireReport[]
}

/** From verified files to versions that run, or back. Each step stands in the state file before it is taken. */
export class Installer {
  readonly #parts: InstallerParts

  constructor(parts: InstallerParts) {
    this.#parts = parts
  }

  /** Goes on where an agent before, or this one a round ago, has ended. */
  async recover(): Promise<void> {
    const { state, machine } = this.#parts
    const { work } = state
    if (!work) return
    if (work.hook) {
      if (await endHook(work.hook, machine.sleep)) machine.log('ended a hook that outlived its agent')
      const { hook: _, ...rest } = work
      await state.change({ work: rest })
    }
    switch (work.phase) {
      case 'fetching':
        return
      case 'installing':
        return this.#installRest()
      case 'pending':
        return this.#judge()
      case 'going-back':
        return this.#goBack()
    }
  }

  /** The files of the work are there and verified: from here on there is no way but through. */
  async install(): Promise<void> {
    const { state, queue } = this.#parts
    const { work } = state
    if (!work) return
    const reports = queue({ update: work.update, state: 'installing', progress: 0 })
    await state.change({ work: { ...work, phase: 'installing', installed: 0 }, reports })
    await this.#installRest()
  }

  async #installRest(): Promise<void> {
    const { state, machine, options } = this.#parts
    for (let work = state.work; work && work.installed < work.modules.length; work = state.work) {
      const module = work.modules[work.installed]
      if (!module) return
      machine.log(`installing ${module.module} ${module.version}`)
      const result = await this.#hook(options.installHook, work, module)
      if (result.kind === 'failed')
        return this.#beginGoingBack('failed', `install hook of ${module.module}: ${result.reason}`)
      await this.#keep({ installed: work.installed + 1 })
    }
    await this.#keep({ phase: 'pending', pending: { uptime: machine.uptime(), boot: machine.bootId() } })
    await this.#judge()
  }

  /** Success is what runs. A version that does not run after a restart of the machine, or in time, goes back. */
  async #judge(): Promise<void> {
    const { state, machine, options, rebootMarker, running, queue } = this.#parts
    const { work } = state
    if (!work?.pending) return
    const versions = await running()
    const missing = work.modules.find(({ module, version }) => versions[module] !== version)
    if (!missing) {
      machine.log(`update ${work.update}: ${work.version} runs`)
      const reports = queue({ update: work.update, state: 'succeeded', running: versions })
      return this.#end(reports)
    }
    const isRestarted = machine.bootId() !== work.pending.boot
    const seconds = machine.uptime() - work.pending.uptime
    const found = versions[missing.module] ?? 'nothing'
    if (isRestarted)
      return this.#beginGoingBack(
        'rolled-back',
        `${missing.module} runs ${found} after the restart, not ${missing.version}`,
      )
    if (seconds >= options.confirmSeconds)
      return this.#beginGoingBack(
        'rolled-back',
        `${missing.module} runs ${found} after ${options.confirmSeconds} s, not ${missing.version}`,
      )
    const mark = `${work.update} ${work.version}\n`
    if ((await readIfThere(rebootMarker)) !== mark) await writeDurably(rebootMarker, mark)
  }

  async #beginGoingBack(state: 'failed' | 'rolled-back', reason: string): Promise<void> {
    this.#parts.machine.log(reason)
    await this.#keep({ phase: 'going-back', ending: { state, reason } })
    await this.#goBack()
  }

  /** The last installed first. A rollback hook that fails is told, and no reason to stop. */
  async #goBack(): Promise<void> {
    const { state, options, machine, running, queue } = this.#parts
    const failures: string[] = []
    for (let work = state.work; work && work.installed > 0; work = state.work) {
      const module = work.modules[work.installed - 1]
      if (module && options.rollbackHook !== undefined) {
        machine.log(`rolling back ${module.module}`)
        const result = await this.#hook(options.rollbackHook, work, module)
        if (result.kind === 'failed') failures.push(`; rollback hook of ${module.module}: ${result.reason}`)
      }
      await this.#keep({ installed: work.installed - 1 })
    }
    const { work } = state
    if (!work?.ending) return
    const { state: ending, reason } = work.ending
    await this.#end(
      queue({ update: work.update, state: ending, reason: reason + failures.join(''), running: await running() }),
    )
  }

  async #end(reports: readonly WireReport[]): Promise<void> {
    const { state, downloads, rebootMarker } = this.#parts
    await state.change({ work: undefined, reports })
    await removeFile(rebootMarker)
    await downloads.keepOnly([])
  }

  async #hook(command: string, work: Work, module: WorkModule): Promise<HookResult> {
    const { options, machine, downloads } = this.#parts
    const result = await runHook({
      command,
      variables: {
        GODWIT_FILE: downloads.fileOf(module),
        GODWIT_MODULE: module.module,
        GODWIT_VERSION: module.version,
        GODWIT_PREVIOUS_VERSION: work.before[module.module] ?? '',
        GODWIT_UPDATE: work.update,
      },
      environment: machine.environment,
      timeoutMs: options.hookSeconds * 1000,
      onStart: (hook) => this.#keep({ hook }),
      log: machine.log,
    })
    const { work: current } = this.#parts.state
    if (current) {
      const { hook: _, ...rest } = current
      await this.#parts.state.change({ work: rest })
    }
    return result
  }

  async #keep(change: Partial<Work>): Promise<void> {
    const { state } = this.#parts
    if (state.work) await state.change({ work: { ...state.work, ...change } })
  }
}
