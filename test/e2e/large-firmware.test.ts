import { it } from 'vitest'
import { largeFirmware } from '../large/large-firmware.ts'

it('192 MiB go up raw and as a form and come down 20 times at once in less than 250 MB of memory', async () => {
  await largeFirmware(192)
})
