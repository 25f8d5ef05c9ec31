const HEAD_END = Buffer.from('\r\n\r\n')
const LENGTH = /\r\ncontent-length: *(\d+)/i

export interface Answer {
  readonly status: number
  readonly bytes: number
}

/** Finds where one answer ends: by its content-length, or with its head where it has no body. */
export class AnswerReader {
  #pending: Buffer | undefined

  /** The answer once it is whole. Throws for bytes that cannot be one. */
  take(chunk: Buffer): Answer | undefined {
    const bytes = this.#pending === undefined ? chunk : Buffer.concat([this.#pending, chunk])
    const end = bytes.indexOf(HEAD_END)
    if (end < 0) return this.#wait(bytes)
    const head = bytes.toString('latin1', 0, end)
    const status = Number(head.slice(9, 12))
    const length = LENGTH.exec(head)?.[1]
    if (length === undefined && status !== 304 && status !== 204)
      throw new Error(`no content-length: ${head.slice(0, 200)}`)
    const whole = end + HEAD_END.length + Number(length ?? 0)
    if (bytes.length < whole) return this.#wait(bytes)
    if (bytes.length > whole) throw new Error('more bytes than one answer')
    this.#pending = undefined
    return { status, bytes: whole }
  }

  #wait(bytes: Buffer): undefined {
    this.#pending = bytes
    return undefined
  }
}
