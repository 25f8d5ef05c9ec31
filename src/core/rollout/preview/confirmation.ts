import { createHash } from 'node:crypto'
import type { Serial } from '../../common.ts'
import { OtaError } from '../../errors.ts'
import type { Claims } from '../../ports.ts'
import type { ServiceDeps } from '../../service.ts'
import type { Starts, StartsMemory } from './starts.ts'

/** Tokens of this family confirm changes that start updates, and nothing else. */
const FAMILY = 'start-confirmation'

/** What is to be confirmed. */
export interface Confirming {
  /** Of the devices; of several, in any order. */
  readonly organisations: readonly Serial[]
  /** The exact change: what is asked and with what content, as `changeOf` makes it. */
  readonly change: string
  readonly starts: Starts
  /** The token stands for so many updates of each rollout, whichever they are. */
  readonly isByCount?: boolean
}

/** The name of a change: the same parts in the same order are the same change. */
export function changeOf(...parts: readonly unknown[]): string {
  return createHash('sha256')
    .update(JSON.stringify(parts.map(canonical)))
    .digest('base64url')
}

/**
 * Goes on when a change starts nothing, or when `token` confirms it: of this very change, still good, and shown with at
 * least the updates that it starts now. Throws `confirmation-needed` else, with a fresh token and what it stands for.
 */
export async function requireConfirmation(
  deps: Pick<ServiceDeps, 'tokens' | 'limits'>,
  confirming: Confirming,
  token: string | undefined,
): Promise<void> {
  const { starts } = confirming
  if (starts.devices === 0 || (await isConfirmed(deps, confirming, token))) return
  const again = token === undefined ? '' : ' The token given is for something else, or expired.'
  throw new OtaError('confirmation-needed', `${starts.words()}${again} Repeat it with the token to confirm.`, {
    details: await confirmationOf(deps, confirming),
  })
}

/** A token for a change, with what it stands for. */
export async function confirmationOf(
  { tokens, limits }: Pick<ServiceDeps, 'tokens' | 'limits'>,
  { organisations, change, starts, isByCount = false }: Confirming,
) {
  const { confirmationSeconds } = limits
  const memory = isByCount ? starts.counts : starts.memory
  const claims: Claims = { organisations: named(organisations), change, ...memory }
  return {
    words: starts.words(),
    devices: starts.devices,
    examples: [...starts.examples],
    rollouts: starts.rollouts.map(({ rollout, version, devices }) => ({ ...rollout, version, devices })),
    token: await tokens.sign(FAMILY, claims, confirmationSeconds),
    expiresInSeconds: confirmationSeconds,
  }
}

/** Whether a token confirms this change with no more than these starts. */
export async function isConfirmed(
  { tokens }: Pick<ServiceDeps, 'tokens'>,
  { organisations, change, starts, isByCount = false }: Confirming,
  token: string | undefined,
): Promise<boolean> {
  if (token === undefined) return false
  const verdict = await tokens.verify(FAMILY, token)
  if (verdict.kind !== 'valid') return false
  const { claims } = verdict
  const memory = memoryOf(claims)
  return (
    claims['organisations'] === named(organisations) &&
    claims['change'] === change &&
    memory !== undefined &&
    'counts' in memory === isByCount &&
    starts.isWithin(memory)
  )
}

function memoryOf({ pairs, digest, counts }: Claims): StartsMemory | undefined {
  if (typeof digest === 'string') return { digest }
  if (typeof counts === 'object' && counts !== null) return { counts: { ...counts } }
  return Array.isArray(pairs) && pairs.every((one) => typeof one === 'string') ? { pairs } : undefined
}

function named(organisations: readonly Serial[]): string {
  return [...new Set(organisations)].sort((a, b) => a - b).join(' ')
}

/** Members of objects in one order. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== 'object' || value === null) return value ?? null
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return { members: members.map(([name, member]) => [name, canonical(member)]) }
}
