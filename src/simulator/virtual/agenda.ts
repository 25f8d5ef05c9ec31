/** Something that one device will do. */
export interface Appointment<What> {
  readonly at: number
  readonly device: number
  readonly what: What
}

/** What is to come, the earliest first; of the same moment in no particular, but always the same, order (a binary heap). */
export class Agenda<What> {
  readonly #heap: Appointment<What>[] = []

  nextAt(): number {
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY
  }

  add(appointment: Appointment<What>): void {
    let place = this.#heap.length
    while (place > 0) {
      const parent = (place - 1) >> 1
      const above = this.#heap[parent]
      if (above === undefined || above.at <= appointment.at) break
      this.#heap[place] = above
      place = parent
    }
    this.#heap[place] = appointment
  }

  take(): Appointment<What> | undefined {
    const first = this.#heap[0]
    const last = this.#heap.pop()
    if (last !== undefined && this.#heap.length > 0) this.#sink(last)
    return first
  }

  #sink(appointment: Appointment<What>): void {
    let place = 0
    for (;;) {
      const left = this.#heap[2 * place + 1]
      const right = this.#heap[2 * place + 2]
      const takesRight = left !== undefined && right !== undefined && right.at < left.at
      const child = takesRight ? right : left
      if (child === undefined || appointment.at <= child.at) break
      this.#heap[place] = child
      place = 2 * place + (takesRight ? 2 : 1)
    }
    this.#heap[place] = appointment
  }
}
