import { Presets, SingleBar } from 'cli-progress'
import { formatSize } from './format-value.ts'
import { note } from './print.ts'

/** How far something long has come, on standard error. */
export interface Progress {
  add(amount: number): void
  /** Says how it ended, unless it was whole. */
  stop(): void
}

/** Elsewhere than on a terminal a line is written each time so much more is done. */
const STEP_PERCENT = 25

/** A bar on a terminal, plain lines elsewhere. `unit: bytes` shows sizes. */
export function startProgress(task: string, total: number, unit: 'bytes' | string): Progress {
  const show = (amount: number) => (unit === 'bytes' ? formatSize(amount) : `${amount} ${unit}`)
  return process.stderr.isTTY ? bar(task, total, show) : lines(task, total, show)
}

function bar(task: string, total: number, show: (amount: number) => string): Progress {
  const single = new SingleBar(
    {
      format: `${task} {bar} {percentage}% {shown} of ${show(total)}, {eta_formatted} left`,
      hideCursor: true,
      stream: process.stderr,
      fps: 8,
    },
    Presets.shades_grey,
  )
  let done = 0
  single.start(Math.max(1, total), 0, { shown: show(0) })
  return {
    add(amount) {
      done += amount
      single.update(Math.min(done, total), { shown: show(done) })
    },
    stop() {
      if (total === 0) single.update(1)
      single.stop()
    },
  }
}

function lines(task: string, total: number, show: (amount: number) => string): Progress {
  let done = 0
  let next = STEP_PERCENT
  return {
    add(amount) {
      done += amount
      const percent = total === 0 ? 100 : Math.floor((done * 100) / total)
      if (percent < next) return
      note(`${task}: ${percent}% (${show(done)} of ${show(total)})`)
      next = (Math.floor(percent / STEP_PERCENT) + 1) * STEP_PERCENT
    },
    stop() {},
  }
}

/** Passes bytes on and counts them. */
export async function* counting(body: AsyncIterable<Uint8Array>, progress: Progress): AsyncGenerator<Uint8Array> {
  for await (const piece of body) {
    yield piece
    progress.add(piece.length)
  }
}
