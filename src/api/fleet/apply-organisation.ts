import type { Organisation } from '../../core/organisation/organisation.ts'
import type { FleetOrganisation } from './fleet-file.ts'
import { differing, type FleetRun } from './fleet-run.ts'

type FleetAccount = NonNullable<FleetOrganisation['accounts']>[number]
type FleetAccessKey = NonNullable<FleetOrganisation['accessKeys']>[number]

/** Vendor names and switches of an organisation in domain words. */
export function organisationFacts(wanted: FleetOrganisation) {
  return {
    aliases: {
      ...(wanted.enos?.orgId !== undefined && { 'enos/org-id': wanted.enos.orgId }),
      ...(wanted.hawkbit?.tenant !== undefined && { 'hawkbit/tenant': wanted.hawkbit.tenant }),
    },
    settings: {
      ...(wanted.enos?.gate !== undefined && { 'enos/gate': wanted.enos.gate }),
      ...(wanted.spokeZone?.numericIds !== undefined && { 'spoke-zone/numeric-ids': wanted.spokeZone.numericIds }),
    },
  }
}

/** Changes name, vendor names, switches and default product of an organisation that exists. */
export async function applyOrganisation(
  run: FleetRun,
  existing: Organisation,
  wanted: FleetOrganisation,
): Promise<void> {
  const facts = organisationFacts(wanted)
  const product =
    wanted.defaultProduct === undefined
      ? undefined
      : (await run.services.products.get(run.scope.organisation, wanted.defaultProduct)).serial
  const patch = differing<Organisation>(existing, {
    ...(wanted.name !== undefined && { name: wanted.name }),
    ...(product !== undefined && { defaultProduct: product }),
    aliases: { ...existing.aliases, ...facts.aliases },
    settings: { ...existing.settings, ...facts.settings },
  })
  if (Object.keys(patch).length === 0) return
  await run.services.organisations.update(run.scope, patch)
  run.changes.push({ action: 'change', kind: 'organisation', what: run.name, fields: Object.keys(patch) })
}

/** Makes an account where there is none, and sets its role here. */
export async function applyAccount(run: FleetRun, wanted: FleetAccount): Promise<void> {
  const { services, stores, scope } = run
  const what = `${run.name}/${wanted.email}`
  let account = await stores.accounts.findByEmail(wanted.email.toLowerCase())
  if (!account) {
    const password = wanted.password ?? run.deps.ids.token(20)
    account = await services.accounts.create(scope.actor, { email: wanted.email, password })
    run.changes.push({ action: 'create', kind: 'account', what })
    if (wanted.password === undefined) run.secrets.push({ device: wanted.email, scheme: 'password', token: password })
  }
  const serial = account.serial
  const membership = (await stores.memberships.listByAccount(serial)).find(
    (one) => one.organisation === scope.organisation,
  )
  if (membership?.role === wanted.role) return
  if (!membership) await run.authoriseMember(stores, account)
  await services.accounts.setRole(scope, account.id, wanted.role)
  run.changes.push({ action: membership ? 'change' : 'create', kind: 'membership', what, fields: ['role'] })
}

/** Makes an access key, or changes its permissions; a secret never changes under a key. */
export async function applyAccessKey(run: FleetRun, wanted: FleetAccessKey): Promise<void> {
  const { services, stores, scope } = run
  const what = `${run.name}/${wanted.key}`
  const existing = await stores.accessKeys.findByKey(wanted.key)
  if (existing?.organisation !== scope.organisation) {
    await services.accessKeys.create(
      scope,
      wanted.name === undefined ? withoutName(wanted) : { ...withoutName(wanted), name: wanted.name },
    )
    run.changes.push({ action: 'create', kind: 'access-key', what })
    return
  }
  const granted = existing.grants.find((grant) => grant.organisation === scope.organisation)?.permissions ?? []
  if (JSON.stringify([...granted].sort()) === JSON.stringify([...wanted.permissions].sort())) return
  await services.accessKeys.update(scope, existing.id, { permissions: wanted.permissions })
  run.changes.push({ action: 'change', kind: 'access-key', what, fields: ['permissions'] })
}

function withoutName({ key, secret, permissions }: FleetAccessKey) {
  return { key, secret, permissions }
}
