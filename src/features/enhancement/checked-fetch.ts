import type { TransformStreamDefaultController, Transformer } from 'node:stream/web'
import { isJsonObject } from '../../domain/json/json.ts'
import { ModelFailure } from './model-failure.ts'

const NOT_FOUND = 404
const SERVER_ERROR = 500

/**
 * `fetch` for the client library, which writes everything that it cannot parse to the console: it gets only successful
 * answers of at most `maxBytes` in which every line is a JSON object.
 * @param options.onAnswer called once the server has answered
 * @throws ModelFailure
 */
export function checkedFetch(options: {
  signal: AbortSignal
  maxBytes: number
  onAnswer: () => void
}): typeof fetch {
  const { signal, maxBytes, onAnswer } = options
  return async (input, init) => {
    const response = await fetch(input, { ...init, signal, redirect: 'error' })
    onAnswer()
    if (!response.ok || response.body === null) {
      await response.body?.cancel()
      throw refusalOf(response.status)
    }
    const checked = response.body.pipeThrough(new TransformStream(jsonLines(maxBytes)))
    return new Response(checked, { status: response.status, headers: response.headers })
  }
}

function refusalOf(status: number): ModelFailure {
  if (status === NOT_FOUND) return new ModelFailure('unknown_model')
  const cause = new Error(`HTTP ${status}`)
  if (status < 300) return new ModelFailure('bad_answer', cause)
  return new ModelFailure(status >= SERVER_ERROR ? 'unreachable' : 'refused', cause)
}

/** Passes on whole lines, each one checked. */
function jsonLines(maxBytes: number): Transformer<Uint8Array, Uint8Array> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const encoder = new TextEncoder()
  let rest = ''
  let bytes = 0
  const pass = (lines: readonly string[], controller: TransformStreamDefaultController<Uint8Array>): void => {
    for (const line of lines.filter((each) => each.trim() !== '')) {
      if (!isJsonObject(JSON.parse(line))) throw new ModelFailure('bad_answer')
      controller.enqueue(encoder.encode(`${line}\n`))
    }
  }
  return {
    transform(chunk, controller) {
      bytes += chunk.byteLength
      if (bytes > maxBytes) throw new ModelFailure('bad_answer', new Error(`more than ${maxBytes} bytes`))
      const lines = `${rest}${decoder.decode(chunk, { stream: true })}`.split('\n')
      rest = lines.pop() ?? ''
      pass(lines, controller)
    },
    flush(controller) {
      pass([`${rest}${decoder.decode()}`], controller)
    },
  }
}
