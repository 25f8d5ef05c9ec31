import type { Core } from '../../../core/create-core.ts'
import type { Firmware } from '../../../core/firmware/firmware.ts'
import type { Organisation } from '../../../core/organisation/organisation.ts'
import type { Module, Product } from '../../../core/product/product.ts'
import type { JsonObject } from '../json.ts'
import { orgIdOf } from '../names.ts'
import { type FirmwareContext, type StringI18n, shownProductKey, toStringI18n } from '../translate.ts'
import type { Job } from './job-facts.ts'
import type { EnosRetryPolicy, EnosSchedulePolicy } from './job-form.ts'

export type JobStatus = 'started' | 'stopped'

/** [enos 3.3] productKey is the one key that may be missing. */
export interface JobInfo {
  readonly orgId: string
  readonly productKey?: string
  readonly jobId: string
  readonly name: StringI18n | null
  readonly firmwareId: string
  readonly firmwareVersion: string
  readonly firmwareName: StringI18n
  readonly type: 'upgrade' | 'verify'
  readonly enableUpgradeRequest: boolean
  readonly upgradePolicy: 'snapshot' | 'incremental' | null
  readonly upgradeScope: JsonObject
  readonly upgradeTimeout: number
  readonly retryPolicy: EnosRetryPolicy | null
  readonly schedulePolicy: EnosSchedulePolicy | null
  readonly maximumConcurrency: number
  readonly status: JobStatus
  readonly createTime: number
}

/** [enos 4] A job that was not started, that somebody stopped or that its gate stopped is `stopped`. */
export function statusOf({ rollout }: Job): JobStatus {
  return rollout.state === 'running' ? 'started' : 'stopped'
}

export function typeOf({ rollout }: Job): JobInfo['type'] {
  return rollout.kind === 'verification' ? 'verify' : 'upgrade'
}

/** [enos 3.3] */
export function toJobInfo(job: Job, firmware: Firmware, context: FirmwareContext): JobInfo {
  const { rollout, facts } = job
  return {
    orgId: orgIdOf(context.organisation),
    ...shownProductKey(context),
    jobId: rollout.id,
    name: facts.name && toStringI18n(facts.name),
    firmwareId: facts.firmware,
    firmwareVersion: facts.version,
    firmwareName: toStringI18n(firmware.name),
    type: typeOf(job),
    enableUpgradeRequest: rollout.kind === 'update' && rollout.options.pull,
    upgradePolicy: facts.upgradePolicy,
    upgradeScope: facts.upgradeScope,
    upgradeTimeout: facts.upgradeTimeout,
    retryPolicy: facts.retryPolicy,
    schedulePolicy: facts.schedulePolicy,
    maximumConcurrency: facts.maximumConcurrency,
    status: statusOf(job),
    createTime: rollout.createdAt,
  }
}

/** Describes the jobs of one organisation; what they share is read once. */
export class JobDescriber {
  readonly #core: Core
  readonly #organisation: Organisation
  readonly #productKeyInReplies: FirmwareContext['productKeyInReplies']
  readonly #firmware = new Map<string, Promise<Firmware | undefined>>()
  readonly #products = new Map<number, Promise<Product | undefined>>()
  readonly #modules = new Map<number, Promise<readonly Module[]>>()

  constructor(core: Core, organisation: Organisation, options: Pick<FirmwareContext, 'productKeyInReplies'>) {
    this.#core = core
    this.#organisation = organisation
    this.#productKeyInReplies = options.productKeyInReplies
  }

  /** Of a job: it cannot be deleted before the job is. */
  firmware({ facts }: Job): Promise<Firmware | undefined> {
    const { firmware } = this.#core.deps.storage.read
    return once(this.#firmware, facts.firmware, (id) => firmware.findById(this.#organisation.serial, id))
  }

  product(serial: number): Promise<Product | undefined> {
    return once(this.#products, serial, () => this.#core.deps.storage.read.products.find(serial))
  }

  /** The primary module of a product. */
  async primaryModule(product: number): Promise<number | undefined> {
    const modules = await once(this.#modules, product, (serial) => this.#core.products.modules(serial))
    return modules.find((module) => module.isPrimary)?.serial
  }

  /** undefined when the job was deleted meanwhile, and its firmware then. */
  async info(job: Job): Promise<JobInfo | undefined> {
    const firmware = await this.firmware(job)
    if (!firmware) return undefined
    const product = firmware.product === null ? undefined : await this.product(firmware.product)
    const productKeyInReplies = this.#productKeyInReplies
    return toJobInfo(job, firmware, { organisation: this.#organisation, product, productKeyInReplies })
  }
}

function once<K, V>(memory: Map<K, Promise<V>>, key: K, read: (key: K) => Promise<V>): Promise<V> {
  const known = memory.get(key) ?? read(key)
  memory.set(key, known)
  return known
}
