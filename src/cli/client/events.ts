import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { CliError } from '../cli-error.ts'
import { type GatewayAddress, open, refusal } from './rest-client.ts'

/** One event of a stream. */
export interface StreamedEvent {
  readonly event: string
  readonly data: JsonObject
}

/**
 * The answer of a running gateway as text, piece by piece as it comes.
 * @throws CliError as `ask` does, and `unavailable` when the stream breaks off
 */
export async function* askText(
  address: GatewayAddress,
  method: 'GET' | 'POST',
  path: string,
  options: { accept: string; body?: JsonObject },
): AsyncGenerator<string> {
  const response = await open(address, method, path, options.body, { accept: options.accept })
  if (!response.ok || response.body === null) throw await refusal(address, response)
  const texts: ReadableStream<string> = response.body.pipeThrough(new TextDecoderStream())
  try {
    for await (const text of texts) yield text
  } catch {
    throw new CliError('unavailable', 'the response of the gateway ended early')
  }
}

/** The events of a stream. @throws CliError as `askText` does */
export async function* askEvents(
  address: GatewayAddress,
  method: 'GET' | 'POST',
  path: string,
  body?: JsonObject,
): AsyncGenerator<StreamedEvent> {
  let rest = ''
  const options = { accept: 'text/event-stream', ...(body !== undefined && { body }) }
  for await (const text of askText(address, method, path, options)) {
    const blocks = (rest + text).split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const event = eventIn(block)
      if (event !== undefined) yield event
    }
  }
}

function eventIn(block: string): StreamedEvent | undefined {
  const fields = new Map(
    block
      .split('\n')
      .map((line) => /^(\w+): ?(.*)$/.exec(line))
      .flatMap((match): [string, string][] => (match === null ? [] : [[match[1] ?? '', match[2] ?? '']])),
  )
  const data: unknown = JSON.parse(fields.get('data') ?? 'null')
  return isJsonObject(data) ? { event: fields.get('event') ?? 'message', data } : undefined
}
