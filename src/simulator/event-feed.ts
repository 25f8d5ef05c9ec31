import type { DeviceEvent, DeviceProtocol, Phase } from './device.ts'

/** Turns a device's steps into events, so that the device names only what changes. */
export interface EventFeed {
  say(phase: Phase, version: string, rest?: { target?: string; progress?: number; detail?: string }): void
  /** Says `downloading` whenever the percentage has changed. */
  progress(version: string, target: string, share: { done: number; of: number }): void
}

export function eventFeed(
  device: string,
  protocol: DeviceProtocol,
  onEvent: ((event: DeviceEvent) => void) | undefined,
): EventFeed {
  let lastPercent = -1
  const say: EventFeed['say'] = (phase, version, rest = {}) => {
    if (phase !== 'downloading') lastPercent = -1
    onEvent?.({ device, protocol, phase, version, ...rest })
  }
  return {
    say,
    progress: (version, target, { done, of }) => {
      const percent = of === 0 ? 100 : Math.floor((done * 100) / of)
      if (percent === lastPercent) return
      lastPercent = percent
      say('downloading', version, { target, progress: percent })
    },
  }
}
