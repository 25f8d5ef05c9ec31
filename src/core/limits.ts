/** Named limits of the domain; each has a line in the configuration reference and can be set in `godwit.yaml`. */
export interface CoreLimits {
  /** Wrong passwords in a row before an account is locked. */
  readonly loginFailures: number
  /** How long a locked account stays locked, seconds. */
  readonly lockSeconds: number
  /** Largest firmware file, bytes. */
  readonly firmwareBytes: number
  /** Devices per organisation. */
  readonly devicesPerOrganisation: number
  /** First pause after a failed update before the same assignment is offered again, seconds; doubles with each attempt. */
  readonly retrySeconds: number
  /** Longest such pause, seconds. */
  readonly retryMaxSeconds: number
  /** Updates of a device that fail in a row, of its last 20, before it is left alone for a while; 0 = never. */
  readonly penaltyFailures: number
  /** How long it is left alone then, seconds; doubles with each further failure. */
  readonly penaltySeconds: number
  /** Longest such time, seconds. */
  readonly penaltyMaxSeconds: number
  /** Over protocols without reports: quiet time after which a downloaded update counts as installed, seconds. */
  readonly inferSeconds: number
  /** An offer that no device takes up fails after so long, seconds; 0 = never. So below. */
  readonly updateOfferedSeconds: number
  /** An update fails after so long without news while its bytes are fetched, seconds. */
  readonly updateDownloadingSeconds: number
  /** ... while its bytes wait to be installed, seconds. */
  readonly updateDownloadedSeconds: number
  /** ... while it is installed, seconds. */
  readonly updateInstallingSeconds: number
  /** A cancellation that the device does not confirm counts as confirmed after so long, seconds. */
  readonly updateCancellingSeconds: number
  /** A report that a device names is recognised for so long when it comes again, seconds. */
  readonly reportMemorySeconds: number
  /** Tags or attributes per device or firmware. */
  readonly labels: number
  /** Characters of a tag or attribute value. */
  readonly labelChars: number
  /** A rotated token lives on so long, seconds, unless the rotation says otherwise. */
  readonly rotationOverlapSeconds: number
  /** Unreferenced blobs are kept so long, seconds. */
  readonly blobGraceSeconds: number
  /** Events are kept so long, days. */
  readonly eventDays: number
  /** Closed updates are kept so long, days. */
  readonly updateDays: number
  /** Data files of devices are kept so long, days. */
  readonly dataFileDays: number
  /** Largest data file, bytes. */
  readonly dataFileBytes: number
  /** Data files per device. */
  readonly dataFilesPerDevice: number
  /** Running and paused rollouts of one product, without those that name their devices; at most 1,000. */
  readonly rolloutsPerProduct: number
  /** Running and paused rollouts that name one device; at most 1,000. */
  readonly rolloutsPerDevice: number
  /** Floors per organisation. */
  readonly floorsPerOrganisation: number
  /** Webhooks per organisation. */
  readonly webhooksPerOrganisation: number
  /** A webhook that has not answered after so long has failed, seconds. */
  readonly webhookTimeoutSeconds: number
  /** Pause after the first failed delivery, seconds; doubles with each failure in a row. */
  readonly webhookFirstRetrySeconds: number
  /** Longest such pause, seconds. */
  readonly webhookMaxRetrySeconds: number
  /** An event that could not be delivered for so long becomes a dead letter, seconds. */
  readonly webhookRetrySeconds: number
  /** Events given up in a row before the server stops delivering to a webhook. */
  readonly webhookPauseAfter: number
  /** Dead letters are kept so long, days. */
  readonly deadLetterDays: number
  /** The plan of a rollout gives up after so long, seconds. */
  readonly planSeconds: number
  /** Plans at one time, in this process. */
  readonly plansAtOnce: number
  /** A device that was not seen for so long counts as silent in plans, days. */
  readonly silentDays: number
  /** A token that confirms a change which starts updates is good for so long, seconds. */
  readonly confirmationSeconds: number
  /** A step of the system clock is held back until it has lasted so long, seconds; 0 = believed at once. */
  readonly clockStepSeconds: number
  /** Background jobs on PostgreSQL: a node that falls silent is replaced after so long, seconds. */
  readonly jobLeaseSeconds: number
  /** Devices whose facts are held in memory for polls. */
  readonly pollCacheDevices: number
  /**
   * Transactions under way or waiting at one time, and calls with reports counted apart; more are refused (503 with
   * Retry-After) before memory grows.
   */
  readonly waitingTransactions: number
}

export const DEFAULT_CORE_LIMITS: CoreLimits = {
  loginFailures: 10,
  lockSeconds: 900,
  firmwareBytes: 2 ** 31 - 1,
  devicesPerOrganisation: 10_000_000,
  retrySeconds: 60,
  retryMaxSeconds: 21_600,
  penaltyFailures: 3,
  penaltySeconds: 86_400,
  penaltyMaxSeconds: 30 * 86_400,
  inferSeconds: 60,
  updateOfferedSeconds: 604_800,
  updateDownloadingSeconds: 86_400,
  updateDownloadedSeconds: 86_400,
  updateInstallingSeconds: 7_200,
  updateCancellingSeconds: 86_400,
  reportMemorySeconds: 86_400,
  labels: 100,
  labelChars: 200,
  rotationOverlapSeconds: 86_400,
  blobGraceSeconds: 3_600,
  eventDays: 365,
  updateDays: 365,
  dataFileDays: 30,
  dataFileBytes: 64 * 2 ** 20,
  dataFilesPerDevice: 1_000,
  rolloutsPerProduct: 100,
  rolloutsPerDevice: 100,
  floorsPerOrganisation: 1_000,
  webhooksPerOrganisation: 20,
  webhookTimeoutSeconds: 10,
  webhookFirstRetrySeconds: 5,
  webhookMaxRetrySeconds: 3_600,
  webhookRetrySeconds: 86_400,
  webhookPauseAfter: 20,
  deadLetterDays: 30,
  planSeconds: 120,
  plansAtOnce: 2,
  silentDays: 30,
  confirmationSeconds: 600,
  clockStepSeconds: 600,
  jobLeaseSeconds: 15,
  pollCacheDevices: 100_000,
  waitingTransactions: 10_000,
}
