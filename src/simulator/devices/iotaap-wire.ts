import type { HeaderList, HttpRequest } from '../wire/http-message.ts'

/** Which Arduino core the firmware was built with; it decides several reactions. */
export type EspCore = '2.0.0' | '2.0.x' | '3.x'

/** What the running sketch and the board tell with each download request. */
export interface SketchFacts {
  readonly staMac: string
  readonly apMac: string
  readonly freeSpace: number
  readonly size: number
  /** Of the whole running file, lower-case hex. */
  readonly md5: string
  /** The digest appended to the running image; sent in upper case. */
  readonly sha256: string
  readonly chipSize: number
  readonly sdkVersion: string
}

// [iotaap 4.4] exact requests, in header order
export function esp32LatestRequest(host: string, path: string): HttpRequest {
  return {
    method: 'GET',
    path,
    version: 'HTTP/1.1',
    headers: [
      ['Host', host],
      ['User-Agent', 'ESP32HTTPClient'],
      ['Connection', 'keep-alive'],
      ['Accept-Encoding', 'identity;q=1,chunked;q=0.1,*;q=0'],
    ],
  }
}

// [iotaap 4.4] newest cores add BASE-MAC before STA-MAC
export function esp32DownloadRequest(
  host: string,
  path: string,
  { facts, core }: { facts: SketchFacts; core: EspCore },
): HttpRequest {
  const baseMac: HeaderList = core === '3.x' ? [['x-ESP32-BASE-MAC', facts.staMac]] : []
  return {
    method: 'GET',
    path,
    version: 'HTTP/1.0',
    headers: [
      ['Host', host],
      ['User-Agent', 'ESP32-http-Update'],
      ['Connection', 'close'],
      ['Cache-Control', 'no-cache'],
      ...baseMac,
      ['x-ESP32-STA-MAC', facts.staMac],
      ['x-ESP32-AP-MAC', facts.apMac],
      ['x-ESP32-free-space', String(facts.freeSpace)],
      ['x-ESP32-sketch-size', String(facts.size)],
      ['x-ESP32-sketch-md5', facts.md5],
      ['x-ESP32-sketch-sha256', facts.sha256.toUpperCase()],
      ['x-ESP32-chip-size', String(facts.chipSize)],
      ['x-ESP32-sdk-version', facts.sdkVersion],
      ['x-ESP32-mode', 'sketch'],
    ],
  }
}

// [iotaap 4.6] a sketch's own latest request
export function esp8266LatestRequest(host: string, path: string): HttpRequest {
  return {
    method: 'GET',
    path,
    version: 'HTTP/1.1',
    headers: [
      ['Host', host],
      ['User-Agent', 'ESP8266HTTPClient'],
      ['Accept-Encoding', 'identity;q=1,chunked;q=0.1,*;q=0'],
      ['Connection', 'keep-alive'],
      ['Content-Length', '0'],
    ],
  }
}

// [iotaap 4.6] no Cache-Control, no SHA-256, and a Content-Length on the GET
export function esp8266DownloadRequest(
  host: string,
  path: string,
  options: { facts: SketchFacts; chipId: string; mode: 'sketch' | 'spiffs' | 'version'; version?: string },
): HttpRequest {
  const { facts, chipId, mode, version } = options
  return {
    method: 'GET',
    path,
    version: 'HTTP/1.0',
    headers: [
      ['Host', host],
      ['User-Agent', 'ESP8266-http-Update'],
      ['Connection', 'close'],
      ['x-ESP8266-Chip-ID', chipId],
      ['x-ESP8266-STA-MAC', facts.staMac],
      ['x-ESP8266-AP-MAC', facts.apMac],
      ['x-ESP8266-free-space', String(facts.freeSpace)],
      ['x-ESP8266-sketch-size', String(facts.size)],
      ['x-ESP8266-sketch-md5', facts.md5],
      ['x-ESP8266-chip-size', String(facts.chipSize)],
      ['x-ESP8266-sdk-version', facts.sdkVersion],
      ['x-ESP8266-mode', mode],
      ...(version === undefined ? [] : ([['x-ESP8266-version', version]] as const)),
      ['Content-Length', '0'],
    ],
  }
}

/** MQTT 3.1.1 PUBLISH at QoS 0, not retained. */
export function mqttPublish(topic: string, payload: string): Uint8Array {
  const topicBytes = Buffer.from(topic)
  const payloadBytes = Buffer.from(payload)
  const topicLength = Buffer.alloc(2)
  topicLength.writeUInt16BE(topicBytes.length)
  const body = Buffer.concat([topicLength, topicBytes, payloadBytes])
  const length: number[] = []
  for (let rest = body.length; length.length === 0 || rest > 0; rest = Math.floor(rest / 128)) {
    length.push(rest < 128 ? rest : (rest % 128) | 0x80)
  }
  return Buffer.concat([Buffer.of(0x30, ...length), body])
}
