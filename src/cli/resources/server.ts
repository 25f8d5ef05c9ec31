import type { Command } from 'commander'
import { withExamples } from '../options/examples.ts'
import { online } from '../options/online.ts'
import { print, printJson } from '../output/print.ts'
import { printThing } from './verbs.ts'

export function addServerCommands(program: Command): void {
  const noun = program.command('server').description('the running server itself; for administrators')
  const status = noun.command('status').description('version, time, whether it is frozen')
  online(status, async (call) => printThing(call, await call.api.get('/server')))
  withExamples(status, 'godwit server status')
  for (const [name, meaning, done] of [
    ['freeze', 'offer nothing new to any device of the server; what is under way ends', 'frozen'],
    ['thaw', 'end a freeze', 'thawed'],
  ] as const) {
    const command = noun.command(name).description(meaning)
    online(command, async (call) => {
      const answer = await call.api.send('POST', `/server/${name}`)
      if (call.json) printJson(answer)
      else print(`The server is ${done}.`)
    })
    withExamples(command, `godwit server ${name}`)
  }
}
