import { signedHeaders } from '../isolation/enos-signing.ts'
import type { Tenant } from '../isolation/tenant.ts'

/** A route that takes JSON; `head` makes everything but the body, which some protocols sign. */
export interface JsonEndpoint {
  readonly method: 'POST' | 'PUT' | 'PATCH'
  readonly path: (of: Tenant) => string
  readonly headers?: (of: Tenant, body: string, timestamp: number) => Readonly<Record<string, string>>
  /** A member that the route reads, and that must be text. */
  readonly member: string
}

const bearer = (of: Tenant) => ({ authorization: `Bearer ${of.bearer}` })
const user = (of: Tenant) => ({ authorization: `Bearer ${of.iotaapJwt}` })
const native = (of: Tenant) => ({ authorization: `Bearer ${of.secrets.tracker}` })
const device = (of: Tenant) => ({ 'x-access-token': of.zoneToken })

function signed(action: string, more: (of: Tenant) => Readonly<Record<string, string>> = () => ({})) {
  const query = (of: Tenant) => ({ action, orgId: `${of.mark}-org-id`, ...more(of) })
  return {
    query: (of: Tenant) => new URLSearchParams(query(of)).toString(),
    headers: (of: Tenant, body: string, timestamp: number) =>
      signedHeaders({ token: of.accessToken, secret: of.secrets.accessSecret, query: query(of), body, timestamp }),
  }
}

const search = signed('search')
const report = signed('reportFirmwareVersion')
const job = signed('create', (of) => ({ firmwareId: of.firmware.firmware.id }))
const cancel = signed('cancelTask', (of) => ({ jobId: of.jobs.running }))

/** Of every protocol those that read a JSON body. */
export const JSON_ENDPOINTS: Readonly<Record<string, JsonEndpoint>> = {
  'management API login': { method: 'POST', path: () => '/api/godwit/v1/login', member: 'email' },
  'management API devices': { method: 'POST', path: () => '/api/godwit/v1/devices', headers: bearer, member: 'name' },
  'management API device': {
    method: 'PATCH',
    path: (of) => `/api/godwit/v1/devices/${of.devices.plain.key}`,
    headers: bearer,
    member: 'name',
  },
  'management API rollouts': { method: 'POST', path: () => '/api/godwit/v1/rollouts', headers: bearer, member: 'name' },
  'management API rollout plan': {
    method: 'POST',
    path: () => '/api/godwit/v1/rollouts/plan',
    headers: bearer,
    member: 'name',
  },
  'management API apply': { method: 'POST', path: () => '/api/godwit/v1/apply', headers: bearer, member: 'text' },
  'IoTaaP login': { method: 'POST', path: () => '/v1/auth/login', member: 'email' },
  'IoTaaP device': {
    method: 'PUT',
    path: (of) => `/v1/devices/${of.devices.iotaap.id}`,
    headers: user,
    member: 'group',
  },
  'IoTaaP deploy': { method: 'POST', path: () => '/v1/ota/device', headers: user, member: 'device' },
  'Spoke.Zone login': { method: 'POST', path: () => '/login', member: 'username' },
  'Spoke.Zone device login': { method: 'POST', path: () => '/loginDevice', member: 'token' },
  'Spoke.Zone data file': { method: 'POST', path: () => '/api/v2/data-files', headers: device, member: 'type' },
  'native check': { method: 'POST', path: () => '/device/v1/check', headers: native, member: 'running' },
  'native reports': { method: 'POST', path: () => '/device/v1/reports', headers: native, member: 'reports' },
  'native enrolment': { method: 'POST', path: () => '/device/v1/enrol', member: 'key' },
  'EnOS token': { method: 'POST', path: () => '/apim-token-service/v2.0/token/get', member: 'appKey' },
  'EnOS search': {
    method: 'POST',
    path: (of) => `/connect-service/v2.1/ota-firmwares?${search.query(of)}`,
    headers: search.headers,
    member: 'expression',
  },
  'EnOS job': {
    method: 'POST',
    path: (of) => `/connect-service/v2.1/ota-jobs?${job.query(of)}`,
    headers: job.headers,
    member: 'type',
  },
  'EnOS tasks': {
    method: 'POST',
    path: (of) => `/connect-service/v2.1/ota-jobs?${cancel.query(of)}`,
    headers: cancel.headers,
    member: 'deviceKeys',
  },
  'EnOS version report': {
    method: 'POST',
    path: (of) => `/connect-service/v2.5/devices?${report.query(of)}`,
    headers: report.headers,
    member: 'assetId',
  },
  'EnOS device session': {
    method: 'POST',
    path: (of) => `/auth/${of.mark}-product-key/${of.mark}-device-key`,
    member: 'sign',
  },
  'EnOS device report': {
    method: 'POST',
    path: (of) => `/topic/sys/${of.mark}-product-key/${of.mark}-device-key/ota/device/progress?sessionId=${of.session}`,
    member: 'params',
  },
}
