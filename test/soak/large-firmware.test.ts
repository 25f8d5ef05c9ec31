import { it } from 'vitest'
import { largeFirmware } from '../large/large-firmware.ts'

it('1 GiB goes up raw and as a form and comes down 20 times at once in less than 250 MB of memory', async () => {
  console.log(`highest resident memory: ${Math.round((await largeFirmware(1024)) / 2 ** 20)} MB`)
})
