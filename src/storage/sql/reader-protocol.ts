/** What a storage and its reader thread say to each other. */
export interface ReaderRequest {
  readonly id: number
  readonly mode: 'all' | 'first'
  readonly sql: string
  readonly parameters: readonly unknown[]
}

export type ReaderReply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly failure: { readonly message: string; readonly errcode: number | undefined } }

export interface ReaderThreadData {
  readonly file: string
}
