import type { Attempt, Case, Cases } from '../case.ts'
import { form, json } from '../case.ts'
import type { Tenant } from '../tenant.ts'

/** A call of the account API. */
function call(
  path: (of: Tenant) => string,
  content: (of: Tenant) => Pick<Attempt, 'headers' | 'body'> = () => ({}),
): Case {
  return {
    request: ({ target, who }) => {
      const { headers, body } = content(target)
      const authorization = `Bearer ${who.iotaapJwt}`
      return { path: path(target), headers: { authorization, ...headers }, ...(body !== undefined && { body }) }
    },
  }
}

const device = (of: Tenant) => `/v1/devices/${of.devices.iotaap.id}`
const group = (of: Tenant) => `/v1/groups/${of.group.id}`

function deploy(kind: 'device' | 'group', id: (of: Tenant) => string, token: (of: Tenant) => string): Case {
  return call(
    () => `/v1/ota/${kind}`,
    (of) =>
      form([
        { name: kind, value: id(of) },
        { name: 'token', value: token(of) },
        { name: 'version', value: `${of.mark}-new` },
        { name: 'firmware', value: of.image('new'), fileName: 'firmware.bin' },
      ]),
  )
}

/** The IoTaaP protocol. Its two `latest` routes need no credential by contract and are declared public. */
export const IOTAAP_CASES: Cases = {
  'GET /v1/devices': call(() => '/v1/devices'),
  'GET /v1/devices#search': call((of) => `/v1/devices?search_value=${of.mark}&limit=10&offset=0`),
  'POST /v1/devices': call(
    () => '/v1/devices',
    (of) => json({ name: `${of.mark} new` }),
  ),
  'GET /v1/devices/:id': call(device),
  'PUT /v1/devices/:id': call(device, (of) => json({ name: 'renamed', group: of.group.id })),
  'PUT /v1/devices/:id#foreign-group': {
    // One's own device into the group of another: ignored in silence, and never moved there.
    request: ({ target, who }) => ({
      path: device(who),
      headers: { authorization: `Bearer ${who.iotaapJwt}`, 'content-type': 'application/json' },
      body: JSON.stringify({ group: target.group.id }),
    }),
  },
  'DELETE /v1/devices/:id': call(device),
  'GET /v1/groups': call((of) => `/v1/groups?search_value=${of.mark}`),
  'POST /v1/groups': call(
    () => '/v1/groups',
    (of) => json({ name: `${of.mark} new` }),
  ),
  'GET /v1/groups/:id': call(group),
  'PUT /v1/groups/:id': call(group, () => json({ name: 'renamed' })),
  'DELETE /v1/groups/:id': call(group),
  'GET /v1/groups/devices/:id': call((of) => `/v1/groups/devices/${of.group.id}`),
  'GET /v1/ota/device': call((of) => `/v1/ota/device?search_value=${of.devices.iotaap.id}`),
  'GET /v1/ota/group': call((of) => `/v1/ota/group?search_value=${of.group.id}`),
  'POST /v1/ota/device': deploy(
    'device',
    (of) => of.devices.iotaap.id,
    (of) => of.secrets.iotaap,
  ),
  'POST /v1/ota/group': deploy(
    'group',
    (of) => of.group.id,
    (of) => of.secrets.group,
  ),
  // Id and token stand in one path parameter: here of different owners.
  'GET /v1/ota/device/download/:id': {
    request: ({ target, who }) => ({
      path: `/v1/ota/device/download/${target.devices.iotaap.id}${who.secrets.iotaap}`,
    }),
  },
  'GET /v1/ota/device/download/:id#group': {
    request: ({ target, who, org }) => ({
      path: `/v1/ota/${target === who && who === org ? 'group' : 'device'}/download/${target.group.id}${who.secrets.group}`,
    }),
  },
  'GET /v1/ota/group/download/:id': {
    request: ({ target, who }) => ({ path: `/v1/ota/group/download/${target.group.id}${who.secrets.group}` }),
  },
}
