import type { WebhookAnswer, WebhookRequest, WebhookSender } from '../../src/core/webhook/webhook-sender.ts'

/** Receivers of every address: takes what comes until it is told otherwise. */
export class Receivers implements WebhookSender {
  readonly requests: WebhookRequest[] = []
  answer: (request: WebhookRequest) => WebhookAnswer | Promise<WebhookAnswer> = () => ({
    kind: 'answered',
    status: 204,
  })

  refusalOf(): undefined {}

  async send(request: WebhookRequest): Promise<WebhookAnswer> {
    this.requests.push(request)
    return this.answer(request)
  }

  status(status: number, more: { retryAfterSeconds?: number } = {}): void {
    this.answer = () => ({ kind: 'answered', status, ...more })
  }

  types(): string[] {
    return this.requests.map(({ body }) => JSON.parse(body).type)
  }
}
