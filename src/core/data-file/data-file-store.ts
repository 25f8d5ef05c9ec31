import type { Id, Millis, New, Patch, Serial, Slice } from '../common.ts'
import type { DataFile } from './data-file.ts'

export interface DataFileStore {
  insert(row: New<DataFile>): Promise<DataFile>
  find(serial: Serial): Promise<DataFile | undefined>
  findById(organisation: Serial, id: Id): Promise<DataFile | undefined>
  update(serial: Serial, patch: Patch<DataFile>): Promise<DataFile | undefined>
  delete(serial: Serial): Promise<void>
  list(filter: { organisation: Serial; device?: Serial; type?: string }, slice: Slice): Promise<DataFile[]>
  /** Bytes and number of files that a device has stored. */
  usage(device: Serial): Promise<{ files: number; bytes: number }>
  deleteBefore(before: Millis, limit: number): Promise<number>
}
