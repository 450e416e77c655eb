import type { Readable, Writable } from 'node:stream'
import { clientMessage, errorResponse } from './message.ts'
import type { Remote } from './remote.ts'

const PARSE_ERROR = -32_700

/**
 * Carries messages between a client, which speaks lines over `input` and `output`, and the server, until the client ends
 * its side.
 */
export async function carryLines(
  input: Readable,
  remote: Pick<Remote, 'deliver'>,
  emit: (line: string) => void,
): Promise<void> {
  for await (const line of linesOf(input)) {
    const message = clientMessage(line)
    if (message === undefined) emit(errorResponse(null, 'The line is not JSON', PARSE_ERROR))
    else remote.deliver(message)
  }
}

/** Makes the function that writes lines, and reports when the reader has gone. */
export function lineWriter(output: Writable, onGone: () => void): (line: string) => void {
  output.on('error', onGone)
  return (line) => void output.write(`${line}\n`)
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
