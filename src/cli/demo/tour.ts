import { createHash } from 'node:crypto'
import { DEMO_DEVICES, DEMO_ORGANISATION, DEMO_OWNER } from './demo-fleet.ts'

/** What to try while the demo's server stays up: a login and one curl line for each protocol. */
export function tour(url: string, facts: { fleet: string; token: string }): string {
  const { esp32, turbine, tracker } = DEMO_DEVICES
  const sign = createHash('sha256')
    .update(`deviceKey${turbine.deviceKey}lifetime300000productKeyBXwU4kMksignMethodsha256${turbine.secret}`)
    .digest('hex')
  return `
The server stays up at ${url} until you press Ctrl-C.
  fleet file    ${facts.fleet}
  API           ${url}/docs
  login         ${DEMO_OWNER.email} with password ${DEMO_OWNER.password}, organisation ${DEMO_ORGANISATION}

IoTaaP        curl -s ${url}/v1/ota/device/latest/${esp32.id}
Spoke.Zone    curl -s -H 'x-access-token: ${facts.token}' '${url}/api/v2/ota-files?module=display-app&isActive=1'
EnOS          curl -s -H 'content-type: application/json' -d '{"signMethod":"sha256","lifetime":300000,"sign":"${sign}"}' ${url}/auth/BXwU4kMk/${turbine.deviceKey}
Own devices   curl -s -H 'authorization: Bearer ${tracker.token}' -X POST ${url}/device/v1/check
Godwit        curl -s -H 'content-type: application/json' -d '${JSON.stringify(DEMO_OWNER)}' ${url}/api/godwit/v1/login
`
}
