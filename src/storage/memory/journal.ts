/** What the one open transaction of a storage has written to. */
export class Journal {
  readonly #written: { commit(): void; rollback(): void }[] = []
  #isOpen = false

  get isOpen(): boolean {
    return this.#isOpen
  }

  begin(): void {
    this.#isOpen = true
  }

  /** A table has its first change. */
  note(table: { commit(): void; rollback(): void }): void {
    this.#written.push(table)
  }

  commit(): void {
    for (const table of this.#end()) table.commit()
  }

  rollback(): void {
    for (const table of this.#end()) table.rollback()
  }

  #end(): { commit(): void; rollback(): void }[] {
    this.#isOpen = false
    return this.#written.splice(0)
  }
}
