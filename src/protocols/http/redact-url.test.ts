import { describe, expect, test } from 'vitest'
import { createUrlRedactor } from './redact-url.ts'

const redact = createUrlRedactor({
  redactions: [/(\/ota\/(?:device|group)\/(?:download\/)?[0-9a-f]{24})[^/?\s"]+/, /(key=)\d+/g],
  parameters: ['ticket'],
})
const id = '0123456789abcdef01234567'

describe('secrets in URLs', () => {
  test.each([
    ['/plain?a=1', '/plain?a=1'],
    [`/v1/ota/device/download/${id}SeCrEt123456`, `/v1/ota/device/download/${id}***`],
    [`//v1/ota/device/download/${id}SeCrEt123456/?x=1`, `//v1/ota/device/download/${id}***/?x=1`],
    [`ota/group/${id} /ota/group/${id}SeCr/firmware.bin`, `ota/group/${id} /ota/group/${id}***/firmware.bin`],
    ['/x?token=abc', '/x?token=***'],
    ['/x?a=1&sessionId=abc&b=2', '/x?a=1&sessionId=***&b=2'],
    ['/x?SESSIONID=abc#f', '/x?SESSIONID=***#f'],
    [
      '/x?sig=a&access_token=b&x-access-token=c&password=d',
      '/x?sig=***&access_token=***&x-access-token=***&password=***',
    ],
    ['/x?ticket=t', '/x?ticket=***'],
    ['/x?mytoken=t', '/x?mytoken=t'],
    ['/x?token=', '/x?token=***'],
    ['key=1 key=2', 'key=*** key=***'],
    ["'/x?token=%zz' is not a valid url component", "'/x?token=***' is not a valid url component"],
    ['', ''],
  ])('%s', (text, expected) => {
    expect(redact(text)).toBe(expected)
    expect(redact(text)).toBe(expected)
  })
})
