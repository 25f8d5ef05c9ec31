import { it } from 'vitest'
import { expectUnharmed } from '../slow/expect-unharmed.ts'
import { slowConnections } from '../slow/slow-connections.ts'

it('500 connections that send one byte a second end by the time-out of heads, and harm nobody', async () => {
  expectUnharmed(await slowConnections(500), 500)
})
