/** What the documentation says of a type of event. */
export interface EventTypeText {
  /** A sentence without its end. */
  readonly meaning: string
  /** Fact in `details` -> what it is; `?` ends the name of one that may be absent. */
  readonly details: Readonly<Record<string, string>>
}
