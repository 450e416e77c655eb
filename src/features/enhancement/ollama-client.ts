// Not the package's main entry, which looks for files whose names are in messages.
import { Ollama } from 'ollama/browser'
import type { Clock } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { checkedFetch } from './checked-fetch.ts'
import { ModelFailure } from './model-failure.ts'

/** What is asked of a model. */
export interface ModelRequest {
  readonly model: string
  readonly system: string
  readonly prompt: string
  readonly options: Readonly<Record<string, unknown>>
}

const MAX_ANSWER_BYTES = 4 * 1024 * 1024
const MODELS_TIMEOUT_MS = 5000

/** One Ollama server. */
export class OllamaClient {
  readonly #host: string
  readonly #timeoutMs: number
  readonly #keepAlive: string
  readonly #clock: Clock

  /** @param options.timeoutMs of a whole answer */
  constructor(options: { host: string; timeoutMs: number; keepAlive: string; clock: Clock }) {
    this.#host = options.host
    this.#timeoutMs = options.timeoutMs
    this.#keepAlive = options.keepAlive
    this.#clock = options.clock
  }

  /**
   * The answer of a model, whole and not empty.
   * @param onText gets the text so far, each time that there is more of it
   * @throws ModelFailure, or GatewayError `cancelled`
   */
  answer(
    { model, system, prompt, options }: ModelRequest,
    { signal, onText }: { signal: AbortSignal; onText?: (soFar: string) => void },
  ): Promise<string> {
    return this.#within(this.#timeoutMs, signal, async (client) => {
      const parts = await client.chat({
        model,
        messages: [
          { role: 'system', content: system },
          { role: 'user', content: prompt },
        ],
        options,
        keep_alive: this.#keepAlive,
        stream: true,
      })
      let text = ''
      for await (const { message, done, done_reason: why } of parts) {
        if (message.content !== '') onText?.((text += message.content))
        // A prompt that was cut short would say something else.
        if (done && why === 'length')
          throw new ModelFailure('refused', new Error('the response was cut short'))
      }
      if (text.trim() === '') throw new ModelFailure('bad_answer', new Error('the response is empty'))
      return text.trim()
    })
  }

  /** Names of the models that the server has. @throws ModelFailure */
  models(signal: AbortSignal): Promise<string[]> {
    return this.#within(MODELS_TIMEOUT_MS, signal, async (client) => {
      const { models } = await client.list()
      return models.map(({ name }) => name).toSorted()
    })
  }

  async #within<T>(timeoutMs: number, signal: AbortSignal, use: (client: Ollama) => Promise<T>): Promise<T> {
    const overdue = new AbortController()
    const cancel = this.#clock.after(timeoutMs, () => overdue.abort())
    let hasAnswered = false
    const client = new Ollama({
      host: this.#host,
      fetch: checkedFetch({
        signal: AbortSignal.any([signal, overdue.signal]),
        maxBytes: MAX_ANSWER_BYTES,
        onAnswer: () => (hasAnswered = true),
      }),
    })
    try {
      return await use(client)
    } catch (error) {
      if (signal.aborted) throw new GatewayError('cancelled', undefined, { cause: error })
      if (overdue.signal.aborted) throw new ModelFailure('timeout')
      if (error instanceof ModelFailure) throw error
      throw new ModelFailure(hasAnswered ? 'bad_answer' : 'unreachable', error)
    } finally {
      cancel()
    }
  }
}
