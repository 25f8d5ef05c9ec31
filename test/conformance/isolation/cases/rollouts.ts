import { type Cases, json } from '../case.ts'
import type { Tenant } from '../tenant.ts'
import { after, belowBase, call, callByQuery } from './api.ts'

const rollout = (name: keyof Tenant['rollouts'], step = '') => {
  return (of: Tenant) => `/rollouts/${of.rollouts[name].key}${step}`
}
const byId = (name: keyof Tenant['rollouts'], step = '') => {
  return (of: Tenant) => `/rollouts/${of.rollouts[name].id}${step}`
}

export const ROLLOUT_CASES: Cases = belowBase({
  'GET /rollouts': call((of) => `/rollouts?product=${of.product.key}&search=${of.mark}`),
  'GET /rollouts#cursor': callByQuery((of) => `/rollouts?${after(of.rollouts.running.serial + 2, 'desc')}`),
  'GET /rollouts#release': call((of) => `/rollouts?release=${of.release.id}`),
  'POST /rollouts': call(
    () => '/rollouts',
    (of) =>
      json({
        key: `${of.mark}-new-rollout`,
        product: of.product.key,
        version: of.firmware.firmware.version,
        select: { groups: [of.group.key], devices: [of.devices.plain.key] },
        stages: [{ groups: [of.group.key] }, { percent: 100 }],
      }),
  ),
  'POST /rollouts#started snapshot': call(
    () => '/rollouts',
    (of) => json({ release: of.release.id, select: { filter: 'key = "nobody"' }, membership: 'snapshot', start: true }),
  ),
  'POST /rollouts/plan': call(
    () => '/rollouts/plan',
    (of) =>
      json({
        key: `${of.mark}-planned`,
        product: of.product.key,
        version: of.firmware.firmware.version,
        select: { groups: [of.group.key], devices: [of.devices.plain.key] },
      }),
  ),
  'GET /rollouts/:rollout/plan': call(rollout('running', '/plan')),
  'GET /rollouts/:rollout/plan#id': call(byId('draft', '/plan')),
  'POST /rollouts/:rollout/undo-plan': call(rollout('running', '/undo-plan'), () => json({ allowDowngrade: true })),
  'GET /rollouts/:rollout': call(rollout('running')),
  'GET /rollouts/:rollout#id': call(byId('running')),
  'PATCH /rollouts/:rollout': call(rollout('draft'), (of) => json({ name: `${of.mark} renamed`, priority: 3 })),
  'DELETE /rollouts/:rollout': call(rollout('draft')),
  'POST /rollouts/:rollout/start': call(rollout('draft', '/start')),
  'POST /rollouts/:rollout/pause': call(rollout('running', '/pause')),
  'POST /rollouts/:rollout/resume': call(byId('paused', '/resume')),
  'POST /rollouts/:rollout/stop': call(rollout('running', '/stop'), () => json({ cancel: true })),
  'POST /rollouts/:rollout/finish': call(byId('running', '/finish')),
  'POST /rollouts/:rollout/approve': call(rollout('approval', '/approve')),
  'POST /rollouts/:rollout/advance': call(rollout('running', '/advance')),
  'POST /rollouts/:rollout/undo': call(rollout('running', '/undo'), (of) => json({ key: `${of.mark}-back` })),
  'GET /rollouts/:rollout/members': call(rollout('running', '/members')),
  'POST /rollouts/:rollout/retry': call(rollout('running', '/retry')),
  'POST /rollouts/:rollout/retry#named': call(byId('running', '/retry'), (of) =>
    json({ devices: [of.devices.plain.key] }),
  ),
  'POST /rollouts/:rollout/exclude': call(rollout('running', '/exclude'), (of) =>
    json({ devices: [of.devices.member.id], reason: `${of.mark} reason` }),
  ),
})
