import { WHOLE } from '../../src/core/rollout/tally.ts'
import { openSqlStorage } from '../../src/storage/sql/open-storage.ts'
import { START } from './fixed-clock.ts'

/** A process of its own: so many claims at once on each rollout named on standard input; answers how many it got. */

const [url = '', count = '0'] = process.argv.slice(2)
const storage = await openSqlStorage({ kind: 'postgres', url })
process.stdout.write('ready\n')
let asked = ''
for await (const piece of process.stdin.setEncoding('utf8')) {
  asked += piece
  const lines = asked.split('\n')
  asked = lines.pop() ?? ''
  for (const line of lines) process.stdout.write(`${await claimed(Number(line))}\n`)
}
await storage.close()

async function claimed(rollout: number): Promise<number> {
  const claim = { rollout, scope: WHOLE, now: START, grant: 'first', isVerifiable: true } as const
  const claims = Array.from({ length: Number(count) }, () =>
    storage.transaction((stores) => stores.rolloutTallies.claim(claim)),
  )
  return (await Promise.all(claims)).filter(Boolean).length
}
