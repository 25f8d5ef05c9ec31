/**
 * Gives the memory of a chunk back at once, not when the collector comes by: what streams fast would leave it with tens
 * of megabytes. Only for chunks that nobody reads any more; one that is a part of something larger is left alone, since
 * that may be somebody else's too.
 */
export function giveBack({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
}
