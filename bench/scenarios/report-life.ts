/** What a device reports on its way through an update, oldest first: members of a report as JSON. */
export const REPORT_LIFE: readonly string[] = [
  '"state":"downloading","progress":0',
  '"state":"downloading","progress":25',
  '"state":"downloading","progress":50',
  '"state":"downloading","progress":75',
  '"state":"downloaded"',
  '"state":"installing","progress":0',
  '"state":"installing","progress":50',
  '"state":"installing","progress":90',
]

export interface ReportRow {
  readonly state: string
  readonly progress: number
  /** Whether the report moves the update on, which is an event; else it is progress alone. */
  readonly before?: string
}

/** What each of them leaves in the update's row. */
export const REPORT_ROWS: readonly ReportRow[] = [
  { state: 'downloading', progress: 0, before: 'offered' },
  { state: 'downloading', progress: 25 },
  { state: 'downloading', progress: 50 },
  { state: 'downloading', progress: 75 },
  { state: 'downloaded', progress: 100, before: 'downloading' },
  { state: 'installing', progress: 0, before: 'downloaded' },
  { state: 'installing', progress: 50 },
  { state: 'installing', progress: 90 },
]
