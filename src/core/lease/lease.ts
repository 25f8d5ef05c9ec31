/** The right to do one job, until it ends or is lost. */
export interface Lease {
  /** Of the job. */
  readonly name: string
  /** The process that holds it. */
  readonly holder: string
  /** Larger with each taking, so that two holdings of one name are never mistaken for each other. */
  readonly token: number
}
