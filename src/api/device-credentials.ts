import { z } from 'zod'
import type { CredentialOwner } from '../core/device/credential-service.ts'
import type { Credential } from '../core/device/device.ts'
import { findDevice } from '../core/device/device-service.ts'
import { findGroup } from '../core/device/group-service.ts'
import { notFound, OtaError } from '../core/errors.ts'
import { recordFor } from '../core/service.ts'
import {
  credentialFields,
  GROUP_TOKEN_CHARS,
  groupTokenSchema,
  readCredentials,
  SCHEMES,
  type SchemeField,
} from './credential-schemes.ts'
import { entity, entityView, timeOrNull, timeView } from './fields.ts'
import { type OrganisationCall, organisationRoute } from './route.ts'

const credentialView = z
  .strictObject({
    ...entityView,
    scheme: z.string(),
    details: z.record(z.string(), z.string()),
    isRecoverable: z.boolean().describe('Whether the secret can be read again'),
    expiresAt: timeView.nullable().describe('During a rotation the old one lives on until then'),
    generation: z.int().describe('Grows when signed tokens are revoked'),
  })
  .meta({ id: 'Credential' })

const setView = z.strictObject({
  credential: credentialView,
  secret: z.string().nullable().describe('The secret if it was made up, this once'),
})

const overlapField = z
  .int()
  .min(0)
  .max(31_536_000)
  .exactOptional()
  .describe('How long the old one stays good, seconds; default one day, 0 = not at all')

export const deviceCredentialRoutes = [
  organisationRoute('viewer', {
    id: 'devices.credentials',
    method: 'GET',
    path: '/devices/:device/credentials',
    summary: 'How a device proves itself; no secrets',
    reply: z.strictObject({ items: z.array(credentialView) }),
    async handle(call, { params }) {
      const device = await findDevice(call.stores, call.organisation.serial, params.device)
      return { items: (await call.stores.credentials.listByDevice(device.serial)).map(viewCredential) }
    },
  }),

  ...(Object.keys(SCHEMES) as SchemeField[]).map((field) =>
    organisationRoute('operator', {
      id: `devices.set-${SCHEMES[field].name}`,
      method: 'PUT',
      path: `/devices/:device/credentials/${SCHEMES[field].name}`,
      summary: `Set or rotate the ${SCHEMES[field].name} credential`,
      creates: true,
      status: 200,
      body: z.strictObject({
        ...(credentialFields[field].shape as z.ZodRawShape),
        overlapSeconds: overlapField,
      }),
      reply: setView,
      handle: (call, { params, body }) => setDeviceCredential(call, params.device, { field, body }),
    }),
  ),

  organisationRoute('operator', {
    id: 'devices.remove-credential',
    method: 'DELETE',
    path: '/devices/:device/credentials/:scheme',
    summary: 'Take a credential away, at once',
    async handle(call, { params }) {
      const device = await findDevice(call.stores, call.organisation.serial, params.device)
      await call.services.credentials.remove(call.scope, { device: device.serial }, params.scheme)
    },
  }),

  organisationRoute('operator', {
    id: 'devices.revoke-tokens',
    method: 'POST',
    path: '/devices/:device/credentials/:scheme/revoke',
    summary: 'Refuse every signed token that was issued to the device before',
    async handle(call, { params }) {
      const device = await findDevice(call.stores, call.organisation.serial, params.device)
      await call.services.credentials.revokeSigned(call.scope, { device: device.serial }, params.scheme)
    },
  }),

  organisationRoute('owner', {
    id: 'devices.reveal-secret',
    method: 'GET',
    path: '/devices/:device/credentials/:scheme/secret',
    summary: 'The secret in clear, where it is kept so; leaves an event',
    mode: 'change',
    reply: z.strictObject({ secret: z.string() }),
    async handle(call, { params }) {
      const { stores, organisation, services, scope, core } = call
      const device = await findDevice(stores, organisation.serial, params.device)
      const credential = (await stores.credentials.listByDevice(device.serial, params.scheme)).at(-1)
      if (!credential) throw notFound('credential', params.scheme)
      if (credential.sealed === null)
        throw new OtaError('not-found', `No ${credential.scheme} secret is kept readable; rotate it to get a new one.`)
      const secret = services.credentials.reveal(credential)
      const subject = { kind: 'credential', id: credential.id }
      const details = { scheme: credential.scheme, device: device.id }
      await recordFor(stores, core.deps, scope, { type: 'credential.revealed', subject, details })
      return { secret }
    },
  }),

  organisationRoute('viewer', {
    id: 'groups.credentials',
    method: 'GET',
    path: '/groups/:group/credentials',
    summary: "A group's own credential; no secrets",
    reply: z.strictObject({ items: z.array(credentialView) }),
    async handle(call, { params }) {
      const group = await findGroup(call.stores, call.organisation.serial, params.group)
      return { items: (await call.stores.credentials.listByGroup(group.serial)).map(viewCredential) }
    },
  }),

  organisationRoute('operator', {
    id: 'groups.set-iotaap',
    method: 'PUT',
    path: '/groups/:group/credentials/iotaap',
    summary: 'Set or rotate the token by which IoTaaP devices of the group ask',
    creates: true,
    status: 200,
    body: z.strictObject({ token: groupTokenSchema.exactOptional(), overlapSeconds: overlapField }),
    reply: setView,
    async handle(call, { params, body }) {
      const group = await findGroup(call.stores, call.organisation.serial, params.group)
      const secret = body.token ?? call.core.deps.ids.token(GROUP_TOKEN_CHARS)
      const input = { scheme: 'iotaap', secret, recoverable: true }
      const owner: CredentialOwner = { group: group.serial }
      const credential = await call.services.credentials.rotate(call.scope, owner, input, body.overlapSeconds)
      return { credential: viewCredential(credential), secret: body.token === undefined ? secret : null }
    },
  }),

  organisationRoute('operator', {
    id: 'groups.remove-iotaap',
    method: 'DELETE',
    path: '/groups/:group/credentials/iotaap',
    summary: 'Take the token of a group away, at once',
    async handle(call, { params }) {
      const group = await findGroup(call.stores, call.organisation.serial, params.group)
      await call.services.credentials.remove(call.scope, { group: group.serial }, 'iotaap')
    },
  }),
]

async function setDeviceCredential(
  call: OrganisationCall,
  reference: string,
  what: { field: SchemeField; body: Readonly<Record<string, unknown>> },
) {
  const { stores, services, scope, organisation, core } = call
  const { field } = what
  const { overlapSeconds, ...members } = what.body
  const device = await findDevice(stores, organisation.serial, reference)
  const { credentials, aliases, generated } = readCredentials({ [field]: members }, core.deps.ids)
  if (Object.keys(aliases).length > 0)
    await services.devices.update(scope, device.id, { aliases: { ...device.aliases, ...aliases } })
  const [input] = credentials
  if (!input) throw notFound('credential', field)
  const overlap = input.secret === undefined ? 0 : (overlapSeconds as number | undefined)
  const credential = await services.credentials.rotate(scope, { device: device.serial }, input, overlap)
  const [secret] = Object.values(generated[field] ?? {})
  return { credential: viewCredential(credential), secret: secret ?? null }
}

function viewCredential(row: Credential) {
  return {
    ...entity(row),
    scheme: row.scheme,
    details: { ...row.details },
    isRecoverable: row.sealed !== null,
    expiresAt: timeOrNull(row.expiresAt),
    generation: row.generation,
  }
}
