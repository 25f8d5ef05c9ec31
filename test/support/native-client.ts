interface Update {
  readonly id: string
  readonly version: string
}

/** A device of one module `main` over Godwit's own protocol, as far as rollouts need it: no file is fetched. */
export class NativeClient {
  readonly #url: string
  readonly #token: string
  #version: string
  #reports = 0

  constructor(url: string, token: string, version: string) {
    this.#url = url
    this.#token = token
    this.#version = version
  }

  /** What it is to install; undefined = nothing. */
  async check(): Promise<Update | undefined> {
    const answer = await this.#post('check', { running: { main: this.#version } })
    return answer['action'] === 'update' ? (answer['update'] as Update) : undefined
  }

  /** Installs what it is offered; the version, or undefined when that is nothing. */
  async updateTo(): Promise<string | undefined> {
    const update = await this.check()
    if (!update) return undefined
    this.#version = update.version
    await this.#report(update, { state: 'succeeded', running: { main: this.#version } })
    return this.#version
  }

  /** Fails to install what it is offered. */
  async fail(reason: string): Promise<void> {
    const update = await this.check()
    if (!update) throw new Error('nothing is offered')
    await this.#report(update, { state: 'failed', reason })
  }

  async #report({ id }: Update, report: object): Promise<void> {
    this.#reports += 1
    await this.#post('reports', { reports: [{ id: `r-${this.#reports}`, update: id, ...report }] })
  }

  async #post(path: string, body: object): Promise<Record<string, unknown>> {
    const reply = await fetch(`${this.#url}/device/v1/${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const text = await reply.text()
    if (!reply.ok) throw new Error(`${path}: ${reply.status} ${text}`)
    return JSON.parse(text) as Record<string, unknown>
  }
}
