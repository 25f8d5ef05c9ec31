import type { EventTypeText } from './event-type-text.ts'

const KEY = { key: 'key of the rollout' } as const
const STAGE = { ...KEY, stage: 'the stage, from 1' } as const

/** What happens to rollouts. */
export const ROLLOUT_EVENTS = {
  'rollout.created': {
    meaning: 'A rollout was made; it grants nothing before it is started',
    details: {
      ...KEY,
      kind: 'update, verification or undo',
      release: 'id of the release',
      version: 'its version',
      stages: 'how many',
      'undoes?': 'key of the rollout that it takes back',
    },
  },
  'rollout.changed': {
    meaning: 'An operator changed a rollout',
    details: { before: 'the members that changed, as they were', after: 'the same members as they are' },
  },
  'rollout.started': { meaning: 'A rollout began', details: KEY },
  'rollout.paused': { meaning: 'Nothing more is granted; what is under way goes on', details: KEY },
  'rollout.resumed': {
    meaning: 'A rollout goes on',
    details: {
      ...KEY,
      from: 'paused, stopped, or finished (by itself)',
      run: 'how often it was resumed after a stop',
      cohorts: 'cohorts that are taken in again',
    },
  },
  'rollout.stopped': {
    meaning: 'Nothing more is granted, and what had not begun is taken back',
    details: {
      ...STAGE,
      by: 'gate or operator',
      words: 'the evidence, or the reason, in words',
      'evidence?': "the gate's numbers",
      cancel: 'whether updates under way are cancelled too',
    },
  },
  'rollout.finished': {
    meaning: 'A rollout was closed, or came to its end: none of the devices of its list has anything left to do',
    details: { ...KEY, by: 'operator or itself' },
  },
  'rollout.deleted': { meaning: 'A rollout was deleted; its updates stay', details: KEY },
  'rollout.stage-started': { meaning: 'A stage began to grant', details: { ...STAGE, of: 'how many stages' } },
  'rollout.approval-needed': {
    meaning: 'The next stage waits for approval',
    details: { ...STAGE, approvals: 'how many different people' },
  },
  'rollout.approved': {
    meaning: 'Somebody approved of a stage, or of going on with devices that cannot be verified',
    details: {
      ...KEY,
      stage: 'the stage, from 1; null = of devices that cannot be verified',
      given: 'approvals so far',
    },
  },
  'rollout.cohort-stopped': {
    meaning: 'The health gate excluded the devices of one kind',
    details: { ...KEY, cohort: 'which', words: 'the evidence in words', evidence: "the gate's numbers" },
  },
  'rollout.failed-late': {
    meaning: 'After a rollout had finished, its health gate found that the release is bad; nothing else happens',
    details: {
      ...KEY,
      'cohort?': 'of which devices, if not of all',
      words: 'the evidence in words',
      evidence: "the gate's numbers",
    },
  },
  'rollout.retried': { meaning: 'Devices are to be tried again', details: { ...KEY, devices: 'how many' } },
  'rollout.excluded': {
    meaning: 'Devices were taken out of a rollout',
    details: { ...KEY, devices: 'keys of the devices', reason: "the operator's words" },
  },
  'rollout.arrived': {
    meaning: 'A device came to run the release by itself; it counts as updated',
    details: { ...KEY, device: 'id of the device' },
  },
  'rollout.snapshot-taken': { meaning: 'The list of devices is complete', details: { ...KEY, devices: 'how many' } },
} as const satisfies Readonly<Record<string, EventTypeText>>
