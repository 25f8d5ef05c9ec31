import { isJsonObject, type JsonObject, parseWithNumberSources, textOf } from './json.ts'

/** [enos 5.2] Last segments of the topics that a device publishes to. */
export const TOPICS = ['inform', 'progress', 'getversion', 'upgrade_reply'] as const

export type Topic = (typeof TOPICS)[number]

export type DeviceMessage =
  | { readonly kind: 'inform'; readonly version: string }
  | { readonly kind: 'progress'; readonly step: number; readonly description: string }
  | { readonly kind: 'getversion' }
  | { readonly kind: 'upgrade-reply'; readonly code: string }
  | { readonly kind: 'bad'; readonly reason: string }

export interface Received {
  /** As text, whatever the device sent; `` when it sent none [enos 5.3]. */
  readonly id: string
  readonly message: DeviceMessage
}

const VERSION_CHARS = 64
const DESCRIPTION_CHARS = 512
const WHOLE = /^[+-]?\d{1,9}(?:\.0*)?$/

/**
 * What a payload says on a topic: `method` and `version` beside `params` differ per SDK and are ignored [enos 5.3].
 * undefined when it is no JSON object.
 */
export function readMessage(topic: Topic, payload: string): Received | undefined {
  const body = parseWithNumberSources(payload)
  if (body === undefined) return undefined
  const params = isJsonObject(body['params']) ? body['params'] : {}
  return { id: textOf(body['id']) ?? '', message: messageOf(topic, params, body) }
}

function messageOf(topic: Topic, params: JsonObject, body: JsonObject): DeviceMessage {
  switch (topic) {
    case 'inform':
      return informOf(params)
    case 'progress':
      return progressOf(params)
    case 'getversion':
      return { kind: 'getversion' }
    case 'upgrade_reply':
      // Quirk: a number from the Java SDK, a string from the Python one [enos 5.3].
      return { kind: 'upgrade-reply', code: (textOf(body['code']) ?? '').slice(0, VERSION_CHARS) }
  }
}

function informOf(params: JsonObject): DeviceMessage {
  const version = textOf(params['version'])
  return version !== undefined && version !== '' && version.length <= VERSION_CHARS
    ? { kind: 'inform', version }
    : { kind: 'bad', reason: `params.version must be 1 to ${VERSION_CHARS} characters` }
}

function progressOf(params: JsonObject): DeviceMessage {
  const text = textOf(params['step'])?.trim() ?? ''
  const step = WHOLE.test(text) ? Math.trunc(Number(text)) : Number.NaN
  if (Number.isNaN(step) || step > 100) return { kind: 'bad', reason: 'params.step must be a whole number up to 100' }
  return { kind: 'progress', step, description: (textOf(params['desc']) ?? '').slice(0, DESCRIPTION_CHARS) }
}
