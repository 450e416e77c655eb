import type { Readable, Writable } from 'node:stream'
import type { patientFetch } from '../sign-in/patient-fetch.ts'
import { clientMessage, errorResponse } from './message.ts'
import type { Remote } from './remote.ts'

const PARSE_ERROR = -32_700

/**
 * Carries messages between a client, which speaks lines over `input` and `output`, and the server, until the client ends
 * its side. A client that leaves its output unread is not heard either.
 */
export async function carryLines(
  input: Readable,
  remote: Pick<Remote, 'deliver'>,
  { emit, drained }: LineOutput,
): Promise<void> {
  for await (const line of linesOf(input)) {
    await drained()
    const message = clientMessage(line)
    if (message === undefined) emit(errorResponse(null, 'The line is not JSON', PARSE_ERROR))
    else remote.deliver(message)
  }
}

/** The lines for the client. */
export interface LineOutput {
  readonly emit: (line: string) => void
  /** Resolves when the client has read enough for more to be written. */
  readonly drained: () => Promise<void>
}

/** Writes lines, and reports when the reader has gone. */
export function lineOutput(output: Writable, onGone: () => void): LineOutput {
  let next = Promise.withResolvers<void>()
  const wake = (): void => {
    next.resolve()
    next = Promise.withResolvers()
  }
  output.on('error', onGone).on('drain', wake).on('close', wake)
  return {
    emit: (line) => void output.write(`${line}\n`),
    drained: async () => {
      while (output.writableNeedDrain) await next.promise
    },
  }
}

/** Requests whose responses are read only while the client reads: what the server sends beyond that waits there. */
export function pacedFetch(fetch: typeof patientFetch, { drained }: LineOutput): typeof fetch {
  return async (url, init) => {
    const response = await fetch(url, init)
    const pace = new TransformStream<Uint8Array, Uint8Array>({
      transform: async (chunk, controller) => {
        await drained()
        controller.enqueue(chunk)
      },
    })
    return response.body === null ? response : new Response(response.body.pipeThrough(pace), response)
  }
}

async function* linesOf(input: Readable): AsyncGenerator<string> {
  let pending: Buffer[] = []
  for await (const chunk of input as AsyncIterable<Buffer>) {
    let start = 0
    for (;;) {
      const end = chunk.indexOf(0x0a, start)
      if (end === -1) break
      const line = Buffer.concat([...pending, chunk.subarray(start, end)])
        .toString('utf8')
        .trim()
      pending = []
      start = end + 1
      if (line !== '') yield line
    }
    if (start < chunk.length) pending.push(chunk.subarray(start))
  }
}
