import { it } from 'vitest'
import { crashRun } from '../crash/crash-run.ts'

it('kill -9 at 5 random moments loses nothing that was acknowledged and leaves nothing half-written', () => crashRun(5))
