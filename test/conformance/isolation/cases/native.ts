import type { Attempt, Case, Cases, Parties } from '../case.ts'
import { json } from '../case.ts'

function call(path: (parties: Parties) => string, body?: (parties: Parties) => object): Case {
  return {
    request: (parties) => {
      const content: Omit<Attempt, 'path'> = body === undefined ? {} : json(body(parties))
      const headers = { authorization: `Bearer ${parties.who.secrets.tracker}`, ...content.headers }
      return { ...content, path: path(parties), headers }
    },
  }
}

const artifact = ({ target }: Parties) => `/device/v1/artifacts/${target.firmware.artifact.sha256}`

/** Godwit's own device protocol. */
export const NATIVE_CASES: Cases = {
  'POST /device/v1/check': call(
    () => '/device/v1/check',
    ({ target }) => ({ running: { [`${target.mark}-extra`]: '1' }, capabilities: ['notes'] }),
  ),
  'GET /device/v1/artifacts/:sha256': call(artifact),
  'POST /device/v1/reports': call(
    () => '/device/v1/reports',
    ({ target, timestamp }) => ({
      reports: [
        {
          id: `r-${timestamp}`,
          update: target.nativeUpdate.id,
          state: 'installing',
          running: { [`${target.mark}-extra`]: '2' },
        },
      ],
    }),
  ),
  'POST /device/v1/enrol': {
    request: ({ target, who, timestamp }) => ({
      path: '/device/v1/enrol',
      ...json({
        key: who.secrets.accessKey,
        secret: who.secrets.accessSecret,
        device: `${target.mark}-new-${timestamp}`,
        product: `${target.mark}-product`,
        token: `${target.mark}-new-token-${timestamp}-0123456789`,
      }),
    }),
  },
  'GET /device/v1/wait': call(() => '/device/v1/wait?timeout=0'),
}
