import type { Attempt, Case, Cases } from '../case.ts'
import { form, json } from '../case.ts'
import type { Tenant } from '../tenant.ts'

type Content = Pick<Attempt, 'headers' | 'body'>

function call(
  token: (of: Tenant) => string,
  path: (of: Tenant) => string,
  content: (of: Tenant) => Content = () => ({}),
): Case {
  return {
    request: ({ target, who }) => {
      const { headers, body } = content(target)
      return {
        path: path(target),
        headers: { 'x-access-token': token(who), ...headers },
        ...(body !== undefined && { body }),
      }
    },
  }
}

const byDevice = (path: (of: Tenant) => string, content?: (of: Tenant) => Content) =>
  call((of) => of.zoneToken, path, content)
const byUser = (path: (of: Tenant) => string) => call((of) => of.zoneUserToken, path)

const file = (of: Tenant) => `/api/v2/ota-files/${of.firmware.firmware.serial}`
const fileV1 = (of: Tenant) => `/api/v1/deviceUser/read-only/models/firmware/${of.firmware.firmware.serial}`

/** The Spoke.Zone protocol, for devices and for people. */
export const SPOKE_ZONE_CASES: Cases = {
  'GET /api/v2/ota-files': byDevice(() => '/api/v2/ota-files'),
  'GET /api/v2/ota-files#module': byDevice((of) => `/api/v2/ota-files?module=${of.mark}-app&limit=50&offset=0`),
  'GET /api/v2/ota-files#user': byUser((of) => `/api/v2/ota-files?searchTerm=${of.mark}&searchFields=version`),
  'GET /api/v2/ota-files/:id': byDevice(file),
  'GET /api/v2/ota-files/:id#user': byUser(file),
  'GET /api/v2/ota-files/:id/file': byDevice((of) => `${file(of)}/file`),
  'GET /api/v2/ota-files/:id/file#user': byUser((of) => `${file(of)}/file`),
  'GET /api/v1/deviceUser/read-only/models/firmware': byDevice(() => '/api/v1/deviceUser/read-only/models/firmware'),
  'GET /api/v1/deviceUser/read-only/models/firmware#user': byUser(() => '/api/v1/deviceUser/read-only/models/firmware'),
  'GET /api/v1/deviceUser/read-only/models/firmware/:id': byDevice(fileV1),
  'GET /api/v1/deviceUser/read-only/models/firmware/:id#user': byUser(fileV1),
  'GET /api/v2/devices/:id': byDevice((of) => `/api/v2/devices/${of.devices.zone.serial}`),
  'GET /api/v2/devices/:id#user': byUser((of) => `/api/v2/devices/${of.devices.zone.serial}`),
  'POST /api/v2/data-files': byDevice(
    () => '/api/v2/data-files',
    (of) => json({ type: 'log', moduleKey: `${of.mark}-app` }),
  ),
  'POST /api/v2/data-files/:id/file': byDevice(
    (of) => `/api/v2/data-files/${of.dataFile.serial}/file`,
    (of) => form([{ name: 'files', value: of.image('overwritten'), fileName: 'upload.bin' }]),
  ),
  'POST /loginDevice': {
    // The token of one with the identity of the other.
    request: ({ target, who }) => ({
      path: '/loginDevice',
      ...json({ token: who.zoneToken, cpu_id: `${target.mark}-cpu`, uuid: `${target.mark}-uuid` }),
    }),
  },
}
