import { join } from 'node:path'
import { makeFolder, readIfThere, writeDurably } from './durable.ts'
import type { HookProcess } from './run-hook.ts'
import type { WireReport, WorkModule } from './wire.ts'

/**
 * `fetching`: nothing was touched yet. `installing`: hooks run, `installed` of them are through. `pending`: all are; the
 * new versions must prove themselves. `going-back`: they did not, or a hook failed; `ending` says what will be reported.
 */
export type Phase = 'fetching' | 'installing' | 'pending' | 'going-back'

export interface Work {
  readonly update: string
  readonly version: string
  readonly modules: readonly WorkModule[]
  readonly phase: Phase
  readonly installed: number
  /** Versions that ran before, by module. */
  readonly before: Readonly<Record<string, string>>
  /** Downloads that were complete and wrong. */
  readonly mismatches: number
  /** When and in which start of the machine the last hook was through. */
  readonly pending?: { readonly uptime: number; readonly boot: string }
  readonly ending?: { readonly state: 'failed' | 'rolled-back'; readonly reason: string }
  /** The hook that runs, or ran when the agent ended. */
  readonly hook?: HookProcess
}

export interface AgentState {
  readonly format: 1
  readonly work?: Work
  /** Reports that the server has not confirmed, oldest first. */
  readonly reports: readonly WireReport[]
}

const EMPTY: AgentState = { format: 1, reports: [] }

/** Everything that must survive a power cut, in one file that is replaced whole. */
export class StateFile {
  readonly #path: string
  #state: AgentState

  private constructor(path: string, state: AgentState) {
    this.#path = path
    this.#state = state
  }

  /** A file that nobody can read is put aside as none: the server knows what is to be done. */
  static async open(folder: string, log: (line: string) => void): Promise<StateFile> {
    await makeFolder(folder)
    const path = join(folder, 'state.json')
    const text = await readIfThere(path)
    const state = text === undefined ? EMPTY : parse(text)
    if (state === undefined) log(`${path} cannot be read; starting afresh`)
    return new StateFile(path, state ?? EMPTY)
  }

  get work(): Work | undefined {
    return this.#state.work
  }

  get reports(): readonly WireReport[] {
    return this.#state.reports
  }

  /** Resolves when the change is on disk. `work: undefined` ends the work. */
  async change(change: { work?: Work | undefined; reports?: readonly WireReport[] }): Promise<void> {
    const { work, ...rest } = { ...this.#state, ...change }
    this.#state = work === undefined ? rest : { ...rest, work }
    await writeDurably(this.#path, JSON.stringify(this.#state))
  }
}

function parse(text: string): AgentState | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isState(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isState(value: unknown): value is AgentState {
  if (typeof value !== 'object' || value === null) return false
  return 'format' in value && value.format === 1 && 'reports' in value && Array.isArray(value.reports)
}
