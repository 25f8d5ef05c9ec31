import { describeBlobs } from '../../core/blobs.contract.ts'
import { MemoryBlobs } from './memory-blobs.ts'

describeBlobs('memory', async () => ({ blobs: new MemoryBlobs(), dispose: async () => {} }))
