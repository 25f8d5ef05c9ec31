import { it } from 'vitest'
import { crashRun } from '../crash/crash-run.ts'

it(
  'kill -9 at 50 random moments loses nothing that was acknowledged and leaves nothing half-written',
  () => crashRun(50),
  1_800_000,
)
