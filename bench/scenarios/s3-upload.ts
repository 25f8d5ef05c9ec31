import type { Row } from './bench.ts'

export const s3Upload: Row = {
  name: 's3-upload',
  title: 'upload of 1 GB to S3: memory above idle',
  async run() {
    return { skipped: 'this version keeps blobs in the file system alone' }
  },
}
