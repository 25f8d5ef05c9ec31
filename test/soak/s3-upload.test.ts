import { it } from 'vitest'
import { s3Upload } from '../large/s3-upload.ts'

it('1 GiB goes up to S3 within 64 MiB of idle memory', async () => {
  const { idle, up, down } = await s3Upload(1024)
  const mib = (bytes: number) => Math.round(bytes / 2 ** 20)
  console.log(`resident at idle: ${mib(idle)} MiB; above it: ${mib(up)} MiB going up, ${mib(down)} MiB coming down`)
})
