import type { EventTypeText } from './event-type-text.ts'
import { ROLLOUT_EVENTS } from './rollout-events.ts'

const CHANGE = {
  before: 'the members that changed, as they were',
  after: 'the same members as they are',
} as const

const DEVICE = { 'device?': 'id of the device', 'group?': 'id of the group, when it is a group' } as const
const SCHEME = { scheme: 'credential scheme', ...DEVICE } as const
const MISMATCH = {
  version: 'version of the image',
  md5: 'of the image',
  reason: 'what was observed',
} as const

const FLOOR = {
  product: 'key of the product',
  module: 'key of the module',
  version: 'the version',
  reason: 'why it is or was one',
} as const

const MOVE = {
  before: 'state of the update as it was',
  after: 'its state now',
  via: 'protocol of the update',
  device: 'id of the device',
  to: 'versions that the update aims at, by module order',
  'reason?': "the device's or the server's words",
  'reportedAt?': 'when the device says that it happened, epoch ms',
} as const

/** Of the server itself: no organisation sees them. */
const SERVER_EVENTS = {
  'account.created': {
    meaning: 'An account was made',
    details: { email: 'its address', isAdministrator: 'whether it operates the server' },
  },
  'account.locked': {
    meaning: 'Too many wrong passwords in a row locked an account',
    details: { email: 'its address', until: 'when the lock ends, epoch ms' },
  },
  'account.unlocked': { meaning: 'A lock was taken off', details: { email: 'address of the account' } },
  'account.password-set': {
    meaning: 'A password was set, and every login of the account ended',
    details: { email: 'address of the account', endedLogins: 'how many logins ended' },
  },
  'token.created': {
    meaning: 'An API token was made; logins are tokens named `login`',
    details: { account: 'id of the account', name: 'of the token', scope: 'of the token' },
  },
  'token.revoked': {
    meaning: 'An API token was revoked',
    details: { name: 'of the token', scope: 'of the token' },
  },
  'server.frozen': { meaning: 'Nothing new is offered to any device of the server', details: {} },
  'server.thawed': { meaning: 'The freeze of the server ended', details: {} },
} as const satisfies Readonly<Record<string, EventTypeText>>

const OPERATOR_EVENTS = {
  'organisation.created': {
    meaning: 'The organisation was made',
    details: { key: 'its key', name: 'its name' },
  },
  'organisation.changed': {
    meaning: 'Name, settings, freeze, default product or vendor names changed',
    details: CHANGE,
  },
  'membership.set': {
    meaning: 'An account was given a role',
    details: { email: 'address of the account', before: 'its role before; null = none', after: 'its role' },
  },
  'membership.removed': {
    meaning: 'An account left the organisation',
    details: { email: 'address of the account', before: 'its role' },
  },
  'access-key.created': {
    meaning: 'A key of a program was made',
    details: { key: 'its public half', name: 'its name', permissions: 'in the organisation' },
  },
  'access-key.changed': { meaning: 'Name, permissions, grants or whether it is refused changed', details: CHANGE },
  'access-key.proof-issued': {
    meaning: 'A proof was issued, and the one before ended',
    details: { key: 'public half of the key' },
  },
  'access-key.deleted': { meaning: 'A key of a program was deleted', details: { key: 'its public half' } },
  'webhook.created': {
    meaning: 'A webhook was made',
    details: { name: 'its name', url: 'where it sends', types: 'patterns of event types; none = all' },
  },
  'webhook.changed': { meaning: 'Name, address, types or whether it is active changed', details: CHANGE },
  'webhook.secret-rotated': {
    meaning: 'A webhook has a new secret',
    details: { formerUntil: 'how long the former one signs too, epoch ms' },
  },
  'webhook.tested': {
    meaning: 'An operator had a test delivery sent',
    details: { status: 'HTTP status; null without an answer', error: 'why it failed; null when it did not' },
  },
  'webhook.paused': {
    meaning: 'The server stopped delivering after too many events in a row could not be delivered',
    details: {
      reason: 'what was too much',
      givenUp: 'events given up in a row',
      lastStatus: 'HTTP status of the last attempt; null without an answer',
      lastError: 'why it failed',
    },
  },
  'webhook.replayed': {
    meaning: 'An operator had dead letters queued for another attempt',
    details: { letters: 'how many', 'event?': 'id of the event, when it was one' },
  },
  'webhook.deleted': {
    meaning: 'A webhook was deleted with its dead letters',
    details: { name: 'its name', url: 'its address' },
  },
} as const satisfies Readonly<Record<string, EventTypeText>>

const FLEET_EVENTS = {
  'product.created': {
    meaning: 'A product was made',
    details: { key: 'its key', distribution: 'catalogue or managed', modules: 'keys of its modules' },
  },
  'product.changed': { meaning: 'Name, distribution, downgrades or vendor names changed', details: CHANGE },
  'product.deleted': { meaning: 'A product was deleted', details: { key: 'its key' } },
  'module.created': {
    meaning: 'A product was given a module',
    details: { key: 'its key', product: 'id of the product' },
  },
  'module.changed': { meaning: 'The name of a module changed', details: CHANGE },
  'module.deleted': { meaning: 'A module was deleted', details: { key: 'its key', product: 'id of the product' } },
  'group.created': { meaning: 'A group was made', details: { key: 'its key' } },
  'group.changed': { meaning: 'The name of a group changed', details: CHANGE },
  'group.member-added': {
    meaning: 'A device was taken into a group',
    details: { device: 'id of the device', key: 'key of the device' },
  },
  'group.member-removed': {
    meaning: 'A device was taken out of a group',
    details: { device: 'id of the device', key: 'key of the device' },
  },
  'group.version-mismatch': {
    meaning: 'A member of a group fetched the image that the group runs',
    details: MISMATCH,
  },
  'group.deleted': { meaning: 'A group was deleted; its members stay', details: { key: 'its key' } },
  'device.created': {
    meaning: 'A device was made, by an operator or a protocol',
    details: { key: 'its key', product: 'key of its product; null = none yet', 'group?': 'key of its group' },
  },
  'device.changed': { meaning: 'An operator changed a device', details: CHANGE },
  'device.deleted': {
    meaning: 'A device was deleted with its credentials, assignment and updates',
    details: { key: 'its key' },
  },
  'device.imported': {
    meaning: 'A part of an import was stored; one event for up to a thousand lines',
    details: {
      created: 'devices made',
      updated: 'devices changed',
      skipped: 'devices left alone',
      'firstKey?': 'first key of the part',
      'lastKey?': 'last key of the part',
    },
  },
  'device.exported': { meaning: 'All devices were read out', details: { secrets: 'whether with their secrets' } },
  'device.version-reported': {
    meaning: 'A device says that it runs another version',
    details: { module: 'key of the module', before: 'version before; null = unknown', after: 'version now' },
  },
  'device.version-mismatch': { meaning: 'A device fetched the image that it says it runs', details: MISMATCH },
  'credential.added': { meaning: 'A device or group was given a credential', details: SCHEME },
  'credential.removed': { meaning: 'A credential was taken away', details: SCHEME },
  'credential.revoked': { meaning: 'Every signed token issued before was revoked', details: SCHEME },
  'credential.revealed': { meaning: 'An operator read a secret in clear', details: SCHEME },
  'data-file.stored': { meaning: 'A device sent a file', details: { size: 'bytes', type: 'of the file' } },
  'data-file.deleted': { meaning: 'A file of a device was deleted', details: { size: 'bytes', type: 'of the file' } },
} as const satisfies Readonly<Record<string, EventTypeText>>

const RELEASE_EVENTS = {
  'firmware.created': {
    meaning: 'A firmware was stored',
    details: { version: 'its version', sha256: 'of the file', size: 'bytes', scope: 'library or private' },
  },
  'firmware.changed': {
    meaning: 'Flags, notes, tags, names, sequence or from-versions of a firmware changed',
    details: CHANGE,
  },
  'firmware.withdrawn': { meaning: 'A firmware was withdrawn: it is refused everywhere', details: CHANGE },
  'firmware.verified': {
    meaning: 'Enough devices succeeded with a firmware in verification rollouts',
    details: { version: 'its version', devices: 'how many succeeded', rollout: 'key of the rollout' },
  },
  'firmware.deleted': { meaning: 'A firmware was deleted', details: { version: 'its version' } },
  'floor.created': { meaning: 'A version was made one that no device may jump over', details: FLOOR },
  'floor.changed': { meaning: 'The reason of a floor changed', details: CHANGE },
  'floor.deleted': { meaning: 'Devices may jump over a version again', details: FLOOR },
  'release.created': {
    meaning: 'A release was made of firmware of one or more modules',
    details: { product: 'key of the product', version: 'its version', firmware: 'version by module key' },
  },
  'release.deleted': { meaning: 'A release was deleted', details: { version: 'its version' } },
  'assignment.made': {
    meaning: 'A release was pinned to a device or group',
    details: {
      release: 'id of the release',
      version: 'its version',
      before: 'version that was pinned; null = none',
      ...DEVICE,
    },
  },
  'assignment.removed': {
    meaning: 'An assignment was taken back',
    details: { 'release?': 'id of the release', 'version?': 'its version', ...DEVICE },
  },
  'update.opened': {
    meaning: 'A device was granted an update',
    details: {
      device: 'id of the device',
      via: 'protocol of the update',
      attempt: '1 for the first try',
      steps: 'version from and to, by module order',
    },
  },
  'update.offered': { meaning: 'The device was told of the update', details: MOVE },
  'update.downloading': { meaning: 'The device began to fetch the bytes', details: MOVE },
  'update.downloaded': { meaning: 'The device has all bytes', details: MOVE },
  'update.installing': { meaning: 'The device says that it installs', details: MOVE },
  'update.cancelling': { meaning: 'An operator wants an update ended that is at work', details: MOVE },
  'update.succeeded': { meaning: 'The device runs the new version', details: MOVE },
  'update.failed': { meaning: 'The update failed', details: MOVE },
  'update.rolled-back': { meaning: 'The device runs the old version again', details: MOVE },
  'update.cancelled': { meaning: 'The update was cancelled', details: MOVE },
  'update.superseded': { meaning: 'Another release took the place of the update', details: MOVE },
  'update.delivered': { meaning: 'All bytes were sent over a protocol that tells no more', details: MOVE },
  'update.offer-expired': {
    meaning: 'The offer was not taken up in time; it stays open, and its place among the open ones is free',
    details: { device: 'id of the device', via: 'protocol of the update' },
  },
  'update.fell-back': {
    meaning: 'A device runs again what it ran before its last successful update; once for each update',
    details: {
      device: 'id of the device',
      from: 'versions that it runs again, by module order',
      to: 'versions that the update had brought',
      seconds: 'since the update succeeded',
    },
  },
  'update.command-answered': {
    meaning: 'The device answered a command about its update',
    details: { code: "the device's code" },
  },
} as const satisfies Readonly<Record<string, EventTypeText>>

/** Every type of event. What is not here cannot be recorded; docs/events.md is made from it. */
export const EVENT_TYPES = {
  ...SERVER_EVENTS,
  ...OPERATOR_EVENTS,
  ...FLEET_EVENTS,
  ...RELEASE_EVENTS,
  ...ROLLOUT_EVENTS,
} as const

/** As the documentation groups them. */
export const EVENT_CHAPTERS: ReadonlyArray<{ title: string; types: Readonly<Record<string, EventTypeText>> }> = [
  { title: 'Operators and programs', types: OPERATOR_EVENTS },
  { title: 'The fleet', types: FLEET_EVENTS },
  { title: 'Firmware, assignments, updates', types: RELEASE_EVENTS },
  { title: 'Rollouts', types: ROLLOUT_EVENTS },
  { title: 'The server itself', types: SERVER_EVENTS },
]

export type EventType = keyof typeof EVENT_TYPES

type Texts<T extends EventType> = (typeof EVENT_TYPES)[T]['details']
type Needed<D> = { readonly [N in keyof D as N extends `${string}?` ? never : N]: unknown }
type Optional<D> = { readonly [N in keyof D as N extends `${infer Name}?` ? Name : never]?: unknown }

/** The facts that an event of a type has, by name. */
export type EventDetails<T extends EventType> = Needed<Texts<T>> & Optional<Texts<T>>

/** A type with its facts. */
export type Typed = {
  readonly [T in EventType]: keyof Texts<T> extends never
    ? { readonly type: T; readonly details?: Readonly<Record<string, never>> }
    : { readonly type: T; readonly details: EventDetails<T> }
}[EventType]
