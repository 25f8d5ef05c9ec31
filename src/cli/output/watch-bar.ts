import { Presets, SingleBar } from 'cli-progress'

/** How far something has come whose end is learned on the way; on standard error. */
export interface WatchBar {
  /** Drawn on a terminal; elsewhere nothing is. */
  readonly isLive: boolean
  update(done: number, words: string): void
  setTotal(total: number): void
  stop(): void
}

/** A bar with a line of words behind it, on a terminal. */
export function startWatchBar(): WatchBar {
  if (!process.stderr.isTTY) return { isLive: false, update() {}, setTotal() {}, stop() {} }
  const bar = new SingleBar(
    { format: '{bar} {value} of {total}  {words}', hideCursor: true, stream: process.stderr, fps: 8, barsize: 24 },
    Presets.shades_grey,
  )
  let isOn = true
  bar.start(1, 0, { words: '' })
  return {
    isLive: true,
    update(done, words) {
      if (done > bar.getTotal()) bar.setTotal(done)
      bar.update(done, { words })
    },
    setTotal(total) {
      bar.setTotal(Math.max(1, total))
    },
    stop() {
      if (isOn) bar.stop()
      isOn = false
    },
  }
}
