/** One POST to a webhook's address. */
export interface WebhookRequest {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** From the first step (resolving the name) to the answer. */
  readonly timeoutMs: number
}

export type WebhookAnswer =
  | { readonly kind: 'answered'; readonly status: number; readonly retryAfterSeconds?: number }
  /** Nothing was answered, or nothing was sent; `reason` is a sentence without its end and tells no secret. */
  | { readonly kind: 'failed'; readonly reason: string }

/** Sends deliveries. Follows no redirect, and reaches no address that the configuration keeps it from. */
export interface WebhookSender {
  /** Why this address can never be sent to, without looking its name up; undefined when it may be. */
  refusalOf(url: URL): string | undefined
  /** Never rejects. */
  send(request: WebhookRequest): Promise<WebhookAnswer>
}

/** An outcome as it is kept: any 2xx is a success. */
export interface Outcome {
  readonly isDelivered: boolean
  /** null without an answer. */
  readonly status: number | null
  /** null when it was delivered. */
  readonly error: string | null
  readonly retryAfterSeconds?: number
}

export function outcomeOf(answer: WebhookAnswer): Outcome {
  if (answer.kind === 'failed') return { isDelivered: false, status: null, error: answer.reason }
  const { status, retryAfterSeconds } = answer
  if (status >= 200 && status < 300) return { isDelivered: true, status, error: null }
  const error =
    status >= 300 && status < 400 ? `it answered ${status}: redirects are not followed` : `it answered ${status}`
  return { isDelivered: false, status, error, ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) }
}
