import { z } from 'zod'
import type { Decision, Offer } from '../core/decide/decision.ts'
import { explainBecause } from '../core/decide/explain.ts'
import { findDevice } from '../core/device/device-service.ts'
import { notFound, OtaError } from '../core/errors.ts'
import { deviceView, viewDevice } from './device-view.ts'
import { referenceView } from './fields.ts'
import { type OrganisationCall, organisationRoute } from './route.ts'
import { updateView, viewUpdate } from './updates.ts'

const offerView = z.strictObject({
  assignment: z.string().nullable().describe('Id; null when a rollout offers it'),
  target: z.enum(['device', 'group']).nullable().describe('Whose assignment it is'),
  rollout: referenceView.nullable().describe('The rollout that offers it'),
  release: z.strictObject({
    id: z.string().nullable().describe('null until it is first granted'),
    version: z.string(),
  }),
  files: z.array(z.strictObject({ firmware: z.string(), version: z.string(), module: z.string().nullable() })),
})

export const deviceExplainRoutes = [
  organisationRoute('viewer', {
    id: 'devices.explain',
    method: 'GET',
    path: '/devices/:device/explain',
    summary: 'Why is this device (not) updating?',
    description: 'The very decision that the device would get if it asked now, in words and with its facts.',
    query: {
      via: z
        .string()
        .max(32)
        .optional()
        .describe('The protocol that asks; default: of its open update, else of its first credential'),
    },
    reply: z.strictObject({
      words: z.string(),
      decision: z.strictObject({
        kind: z.enum(['update', 'none', 'cancel']),
        because: z.looseObject({ kind: z.string() }).describe('A closed union: kind and its facts'),
        offer: offerView.nullable(),
      }),
      considered: z
        .array(
          z.strictObject({ rollout: referenceView, because: z.looseObject({ kind: z.string() }), words: z.string() }),
        )
        .describe('What each rollout of its product says, in the order in which they are asked'),
      facts: z.strictObject({
        device: deviceView,
        credentials: z.array(z.string()).describe('Schemes'),
        serverFrozen: z.boolean(),
        organisationFrozen: z.boolean(),
        openUpdate: updateView.nullable(),
        latestUpdate: updateView.nullable(),
      }),
    }),
    async handle(call, { params, query }) {
      const { core, context, organisation } = call
      const styles = context.options.askStyles ?? {}
      const asked = { via: query.via, styles }
      const { facts, decision, words } = await core.updates.explain(organisation.serial, params.device, asked)
      return {
        words,
        decision: {
          kind: decision.kind,
          because: { ...decision.because },
          offer: offerOf(decision) ? await viewOffer(call, offerOf(decision)) : null,
        },
        considered: consideredOf(decision),
        facts: {
          device: await viewDevice(call, facts.device),
          credentials: [...new Set(facts.credentials.map((one) => one.scheme))],
          serverFrozen: facts.serverFrozen,
          organisationFrozen: facts.organisationFrozen,
          openUpdate: facts.open ? await viewUpdate(call, facts.open) : null,
          latestUpdate: facts.latest ? await viewUpdate(call, facts.latest) : null,
        },
      }
    },
  }),

  organisationRoute('operator', {
    id: 'devices.issue-token',
    method: 'POST',
    path: '/devices/:device/token',
    summary: 'Issue the signed token by which a device proves itself over one protocol',
    mode: 'free',
    query: { protocol: z.string().max(32).describe('For example spoke-zone') },
    reply: z.strictObject({ protocol: z.string(), token: z.string() }),
    async handle(call, { params, query }) {
      const { core, context, organisation } = call
      const issuers = context.options.tokenIssuers
      const issue = Object.hasOwn(issuers, query.protocol) ? issuers[query.protocol] : undefined
      const known = Object.keys(issuers).sort().join(', ') || 'none'
      if (!issue) throw new OtaError('unsupported', `Tokens are issued for: ${known}.`)
      const device = await findDevice(core.deps.storage.read, organisation.serial, params.device)
      const facts = await core.gateway.find({ by: 'serial', serial: device.serial })
      if (!facts) throw notFound('device', params.device)
      return { protocol: query.protocol, token: await issue(facts) }
    },
  }),
]

function offerOf(decision: Decision): Offer | undefined {
  return decision.kind === 'cancel' ? undefined : decision.offer
}

function consideredOf(decision: Decision) {
  const considered = decision.kind === 'cancel' ? [] : (decision.considered ?? [])
  return considered.map(({ rollout, because }) => ({
    rollout,
    because: { ...because },
    words: explainBecause(because),
  }))
}

async function viewOffer({ references }: OrganisationCall, offer: Offer | undefined) {
  if (!offer) return null
  const files = []
  for (const { firmware } of offer.files) {
    const module = await references.module(firmware.module)
    files.push({ firmware: firmware.id, version: firmware.version, module: module?.key ?? null })
  }
  const { source, version, release } = offer
  const isAssigned = source.kind === 'assignment'
  return {
    assignment: isAssigned ? source.assignment.id : null,
    target: isAssigned ? source.target : null,
    rollout: isAssigned ? null : await references.rollout(source.rollout),
    release: { id: release?.id ?? null, version },
    files,
  }
}
