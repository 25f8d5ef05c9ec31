import type { Serial } from '../../core/common.ts'
import type { Change } from '../../core/ports.ts'

/** Single things in one text; beyond, it says that anything may have changed. */
const MOST = 20_000

/** Of anything: `f*` is an organisation-less change of the fleet. */
const ANYTHING = 'f*'

/**
 * Changes as a compact text of `[a-z0-9*,;]` alone: one letter per kind, then serials, as in `f1,*;d17,18;r3;t5`.
 * Many in one transaction become a change of everything.
 */
export function changeText(changes: readonly Change[]): string {
  if (changes.length > MOST) return ANYTHING
  const parts = new Map<string, string[]>()
  for (const change of changes) {
    const [letter, serial] = partOf(change)
    const part = parts.get(letter) ?? []
    part.push(serial === null ? '*' : String(serial))
    parts.set(letter, part)
  }
  return [...parts].map(([letter, serials]) => letter + serials.join(',')).join(';')
}

/** The changes of a text; one that nobody here wrote may mean anything. */
export function parseChangeText(text: string): Change[] {
  if (text === '') return []
  const changes: Change[] = []
  for (const part of text.split(';'))
    for (const word of part.slice(1).split(',')) {
      const change = changeOf(part.charAt(0), word)
      if (!change) return [{ kind: 'fleet', organisation: null }]
      changes.push(change)
    }
  return changes
}

function partOf(change: Change): [letter: string, serial: Serial | null] {
  switch (change.kind) {
    case 'fleet':
      return ['f', change.organisation]
    case 'device':
      return ['d', change.device]
    case 'rollout':
      return ['r', change.rollout]
    case 'access-token':
      return ['t', change.accessKey]
  }
}

function changeOf(letter: string, word: string): Change | undefined {
  if (letter === 'f' && word === '*') return { kind: 'fleet', organisation: null }
  if (!/^\d{1,16}$/.test(word)) return undefined
  const serial = Number(word)
  switch (letter) {
    case 'f':
      return { kind: 'fleet', organisation: serial }
    case 'd':
      return { kind: 'device', device: serial }
    case 'r':
      return { kind: 'rollout', rollout: serial }
    case 't':
      return { kind: 'access-token', accessKey: serial }
    default:
      return undefined
  }
}
