import { describe, expect, it } from 'vitest'
import { requireWebhookSecret, signDelivery } from './sign-delivery.ts'

describe('signatures of deliveries', () => {
  // The example of the Standard Webhooks specification and its libraries.
  const example = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestamp: 1614265330, body: '{"test": 2432232314}' }
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

  it('are those of the specification', () => {
    expect(signDelivery([secret], example)).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=')
  })

  it('are one for each secret', () => {
    const other = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX'
    const [first, second] = [signDelivery([secret], example), signDelivery([other], example)]
    expect(signDelivery([secret, other], example)).toBe(`${first} ${second}`)
    expect(second).toMatch(/^v1,[A-Za-z0-9+/]{43}=$/)
    expect(second).not.toBe(first)
  })

  it.each([
    ['id', { ...example, id: 'msg_x' }],
    ['timestamp', { ...example, timestamp: example.timestamp + 1 }],
    ['body', { ...example, body: '{"test": 2432232315}' }],
  ])('depend on the %s', (_name, signed) => {
    expect(signDelivery([secret], signed)).not.toBe(signDelivery([secret], example))
  })

  it('are over the bytes of the body', () => {
    expect(signDelivery([secret], { ...example, body: '{"key":"größe"}' })).toBe(
      'v1,MZmsNeF/igtkyaueBdJDN9Roq0zyYYVREAoc0Q+CeKw=',
    )
  })
})

describe('secrets', () => {
  it.each([
    [`whsec_${Buffer.alloc(24, 1).toString('base64')}`, true],
    [`whsec_${Buffer.alloc(64, 1).toString('base64')}`, true],
    [`whsec_${Buffer.alloc(23, 1).toString('base64')}`, false],
    [`whsec_${Buffer.alloc(65, 1).toString('base64')}`, false],
    [Buffer.alloc(24, 1).toString('base64'), false],
    ['whsec_not base64, though it is long enough to be', false],
    ['', false],
  ])('%s is one: %s', (text, isOne) => {
    if (isOne) expect(requireWebhookSecret(text)).toBe(text)
    else expect(() => requireWebhookSecret(text)).toThrow(expect.objectContaining({ code: 'invalid' }))
  })
})
