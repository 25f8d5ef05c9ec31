import cluster from 'node:cluster'
import type { Registry } from 'prom-client'
import type { FromWorker, Standing, ToWorker } from './messages.ts'

/** The other workers, as one of them sees them. */
export interface WorkerView {
  standing(): Standing
  /** Prometheus text of all workers together. */
  metrics(): Promise<string>
}

export interface WorkerChannel extends WorkerView {
  /** Tells the supervisor that this worker answers at `url`. */
  ready(url: string): void
  /** Lets the process end by itself when nothing else keeps it. */
  letGo(): void
  /** What this worker counts. */
  register(registry: Registry): void
}

/** The line to the supervisor; undefined in a process that is no worker. */
export function workerChannel(): WorkerChannel | undefined {
  return cluster.isWorker ? new Channel() : undefined
}

class Channel implements WorkerChannel {
  readonly #questions = new Map<number, (text: string) => void>()
  #standing: Standing = { ready: 0, of: 1, wasComplete: false }
  #registry: Registry | undefined
  #asked = 0

  constructor() {
    process.on('message', (message: ToWorker) => void this.#hear(message))
  }

  standing(): Standing {
    return this.#standing
  }

  metrics(): Promise<string> {
    const question = this.#asked++
    return new Promise((resolve) => {
      this.#questions.set(question, resolve)
      send({ kind: 'ask-metrics', question })
    })
  }

  ready(url: string): void {
    send({ kind: 'ready', url })
  }

  letGo(): void {
    process.channel?.unref()
  }

  register(registry: Registry): void {
    this.#registry = registry
  }

  async #hear(message: ToWorker): Promise<void> {
    switch (message.kind) {
      case 'standing':
        this.#standing = message
        return
      case 'give-metrics': {
        const metrics = (await this.#registry?.getMetricsAsJSON()) ?? []
        send({ kind: 'own-metrics', question: message.question, metrics })
        return
      }
      case 'all-metrics':
        this.#questions.get(message.question)?.(message.text)
        this.#questions.delete(message.question)
        return
    }
  }
}

function send(message: FromWorker): void {
  if (process.connected) process.send?.(message)
}
