import type { UpdateState } from '../../core/update/update.ts'

/** [enos 4] `published` */
export function isPublished(state: UpdateState): boolean {
  return state === 'offered'
}

/** [enos 4] `upgrading` */
export function isUpgrading(state: UpdateState): boolean {
  return state === 'downloading' || state === 'downloaded' || state === 'installing'
}

/** [enos 4] A live task: the device may fetch its file, and is given it again when it asks. */
export function isLive(state: UpdateState): boolean {
  return isPublished(state) || isUpgrading(state)
}
