import { it } from 'vitest'
import { expectUnharmed } from '../slow/expect-unharmed.ts'
import { slowConnections } from '../slow/slow-connections.ts'

it('5,000 connections that send one byte a second end by the time-out of heads, and harm nobody', async () => {
  const figures = await slowConnections(5_000)
  console.info(JSON.stringify(figures))
  expectUnharmed(figures, 5_000)
})
