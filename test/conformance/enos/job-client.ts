import { expectOk, JOBS, type Json, type Program, type Reply } from './program.ts'

const JSON_TYPE = 'application/json'

/** What every upgrade job must say, and may be said otherwise. */
export const UPGRADE = {
  type: 'upgrade',
  upgradeScope: { type: 'total' },
  upgradePolicy: 'incremental',
  enableUpgradeRequest: true,
} as const

/** The job calls of a back-office program. */
export class JobClient {
  readonly program: Program

  constructor(program: Program) {
    this.program = program
  }

  post(action: string, query: Readonly<Record<string, string>>, body?: object): Promise<Reply> {
    const json = body && { body: JSON.stringify(body), contentType: JSON_TYPE }
    return this.program.action(action, query, { path: JOBS, method: 'POST', ...json })
  }

  tryCreate(firmwareId: string, body: object): Promise<Reply> {
    return this.post('create', { firmwareId }, body)
  }

  /** The id of a new job: an upgrade of everybody unless told otherwise. */
  async create(firmwareId: string, body: object = {}): Promise<string> {
    const data = expectOk(await this.tryCreate(firmwareId, { ...UPGRADE, ...body }))
    return data.jobId
  }

  async verify(firmwareId: string, deviceKeys: readonly string[], more: object = {}): Promise<string> {
    const body = { type: 'verify', upgradeScope: { type: 'partial', deviceKeys }, ...more }
    return expectOk(await this.tryCreate(firmwareId, body)).jobId
  }

  async createAndStart(firmwareId: string, body: object = {}): Promise<string> {
    const jobId = await this.create(firmwareId, body)
    await this.start(jobId)
    return jobId
  }

  async start(jobId: string): Promise<void> {
    expectOk(await this.post('start', { jobId }))
  }

  async stop(jobId: string): Promise<void> {
    expectOk(await this.post('stop', { jobId }))
  }

  get(jobId: string): Promise<Reply> {
    return this.program.action('get', { jobId }, { path: JOBS })
  }

  async info(jobId: string): Promise<Json> {
    return expectOk(await this.get(jobId))
  }

  cancelTask(jobId: string, ...deviceKeys: readonly string[]): Promise<Reply> {
    return this.post('cancelTask', { jobId }, { deviceKeys })
  }

  retryTask(jobId: string, ...deviceKeys: readonly string[]): Promise<Reply> {
    return this.post('retryTask', { jobId }, { deviceKeys })
  }

  async search(expression?: string, pagination?: object): Promise<Json[]> {
    return expectOk(await this.post('search', {}, { expression, pagination }))
  }

  async tasks(expression?: string, pagination?: object): Promise<Json[]> {
    return expectOk(await this.post('searchTask', {}, { expression, pagination }))
  }

  /** `deviceKey: status` of a job's tasks. */
  async statuses(jobId: string): Promise<Record<string, string>> {
    const tasks = await this.tasks(`jobId = '${jobId}'`, { pageSize: 200 })
    return Object.fromEntries(tasks.map(({ deviceKey, status }) => [deviceKey, status]))
  }

  /** What the task of a device in a job shows. */
  async task(jobId: string, deviceKey = 'dk1'): Promise<Json> {
    const [task] = await this.tasks(`jobId = '${jobId}' AND deviceKey = '${deviceKey}'`)
    return task && { status: task.status, progress: task.progress, desc: task.desc }
  }
}
