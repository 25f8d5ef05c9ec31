import { setTimeout as pause } from 'node:timers/promises'
import type { Command } from 'commander'
import { type ApiClient, segment } from '../client/api-client.ts'
import { at, type JsonObject, objectsAt, textAt } from '../client/json.ts'
import { isPassing } from '../client/passing.ts'
import { CommandFailure } from '../exit.ts'
import { readSeconds } from '../options/duration.ts'
import { withExamples } from '../options/examples.ts'
import { online } from '../options/online.ts'
import { note, print } from '../output/print.ts'
import { startWatchBar, type WatchBar } from '../output/watch-bar.ts'
import { stateWords } from './rollout-lines.ts'

/** Pauses while the server does not answer, ms; the last one goes on. */
const PAUSES = [1_000, 2_000, 5_000, 15_000]
/** What is left is counted over the fleet, so not more often than this, ms. */
const COUNT_EVERY = 30_000

/** Devices of a plan that are still to be updated. */
const AHEAD = new Set(['will-update', 'under-way', 'busy', 'outranked', 'retry-later', 'penalty-box'])

/** `rollout watch KEY`: 0 when it is finished or nothing is left to do, 1 when it is stopped. */
export function addRolloutWatch(noun: Command): void {
  const command = noun
    .command('watch')
    .description('follow a rollout until it is finished or nothing is left to do (exit code 0), or stopped (1)')
    .argument('<rollout>', 'key or id')
    .option('--every <time>', 'how often to look (default: 2s)')
  online(command, async ({ api, args, options, json }) => {
    const every = Math.max(1, readSeconds(options.text('every') ?? '2s', '--every')) * 1000
    const bar = json ? undefined : startWatchBar()
    const path = `/rollouts/${segment(args[0] ?? '')}`
    const watch = new RolloutWatch({ api, path, bar, json })
    try {
      while (!(await watch.look())) await pause(every)
    } finally {
      bar?.stop()
    }
  })
  withExamples(command, 'godwit rollout watch spring')
}

class RolloutWatch {
  readonly #api: ApiClient
  readonly #path: string
  readonly #bar: WatchBar | undefined
  readonly #json: boolean
  #shown = ''
  #losses = -1
  #countedAt = Number.NEGATIVE_INFINITY
  #countedFor = ''

  constructor(of: { api: ApiClient; path: string; bar: WatchBar | undefined; json: boolean }) {
    this.#api = of.api
    this.#path = of.path
    this.#bar = of.bar
    this.#json = of.json
  }

  /** Shows what is new; whether there is nothing more to wait for. Throws when the rollout is stopped. */
  async look(): Promise<boolean> {
    const rollout = await this.#read()
    if (!rollout) return false
    this.#show(rollout)
    const state = textAt(rollout, 'state')
    const isOver = state === 'finished' || state === 'stopped' || (state === 'running' && (await this.#isDone(rollout)))
    if (isOver && this.#bar?.isLive) {
      this.#bar.stop()
      print(stateWords(rollout))
    }
    if (state === 'stopped') throw new CommandFailure(`rollout ${textAt(rollout, 'key')} is stopped.`)
    return isOver
  }

  /** undefined while the server does not answer. */
  async #read(): Promise<JsonObject | undefined> {
    try {
      const rollout = await this.#api.get(this.#path)
      this.#losses = 0
      return rollout
    } catch (error) {
      // Before the first answer it is the command that is wrong, afterwards the moment.
      if (this.#losses < 0 || !isPassing(error)) throw error
      const wait = PAUSES[Math.min(this.#losses, PAUSES.length - 1)] ?? 0
      this.#losses += 1
      note(`The server does not answer; asking again in ${wait / 1000} s.`)
      await pause(wait)
      return undefined
    }
  }

  #show(rollout: JsonObject): void {
    const words = stateWords(rollout)
    this.#bar?.update(ended(rollout), words)
    const text = this.#json ? JSON.stringify(rollout) : words
    if (text === this.#shown || this.#bar?.isLive) return
    this.#shown = text
    print(text)
  }

  /** At the last stage, with nothing under way, and nobody left whom it would update. */
  async #isDone(rollout: JsonObject): Promise<boolean> {
    const isLast =
      at(rollout, 'stage') === objectsAt(rollout, 'stages').length && at(rollout, 'stageStartedAt') !== null
    const isQuiet = isLast && at(rollout, 'outcomes.open') === 0
    const mayCount = this.#bar?.isLive === true || isQuiet
    const counts = JSON.stringify(rollout['outcomes'])
    const isDue = performance.now() - this.#countedAt >= COUNT_EVERY || (isQuiet && counts !== this.#countedFor)
    if (!mayCount || !isDue) return false
    this.#countedAt = performance.now()
    this.#countedFor = counts
    const ahead = await this.#ahead()
    if (ahead !== undefined) this.#bar?.setTotal(ended(rollout) + ahead)
    return isQuiet && ahead === 0
  }

  /** Devices that are still to be updated; undefined when the server cannot tell now. */
  async #ahead(): Promise<number | undefined> {
    try {
      return devicesAhead(await this.#api.get(`${this.#path}/plan`))
    } catch (error) {
      if (error instanceof CommandFailure) return undefined
      throw error
    }
  }
}

/** Devices of which it has become something. */
function ended(rollout: JsonObject): number {
  const outcomes = Object.entries(at(rollout, 'outcomes') ?? {})
  return outcomes.reduce((sum, [name, count]) => (name === 'open' ? sum : sum + Number(count)), 0)
}

/** undefined where the plan is not complete. */
function devicesAhead(plan: JsonObject): number | undefined {
  if (plan['isComplete'] !== true) return undefined
  const outcomes = objectsAt(plan, 'outcomes').filter((outcome) => AHEAD.has(textAt(outcome, 'kind')))
  return outcomes.reduce((sum, outcome) => sum + Number(at(outcome, 'devices') ?? 0), 0)
}
