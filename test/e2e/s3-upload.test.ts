import { it } from 'vitest'
import { s3Upload } from '../large/s3-upload.ts'

it('128 MiB go up to S3 within 64 MiB of idle memory', async () => {
  await s3Upload(128)
})
