import { once } from 'node:events'
import { WebSocket } from 'ws'
import { eventually } from '../eventually.ts'
import { initialize } from '../raw-mcp.ts'
import { isJsonObject } from '../../../src/domain/json/json.ts'

type Fields = Record<string, unknown>

/** What a client gets for one message. */
interface Reply {
  /** Of the HTTP response to the message; 0 where there is none. */
  readonly status: number
  readonly headers: Fields
  readonly text: string
  readonly messages: readonly unknown[]
}

type Sent = Omit<Reply, 'messages'>

const NO_RESPONSE: Sent = { status: 0, headers: {}, text: '' }
const ACCEPTED = 202
const HEADERS = ['cache-control', 'vary', 'x-content-type-options', 'x-request-id', 'content-type']

/** A conversation of a client without an SDK, on whose messages everything that comes is kept. */
export class RawConversation {
  readonly #post: (body: Buffer, headers: Fields) => Promise<Sent>
  readonly #arrived: readonly unknown[]
  readonly close: () => void
  #pings = 0

  private constructor(
    arrived: readonly unknown[],
    post: (body: Buffer, headers: Fields) => Promise<Sent>,
    close: () => void,
  ) {
    this.#arrived = arrived
    this.#post = post
    this.close = close
  }

  /** Opens a session of HTTP with SSE. */
  static async overSse(url: string, token: string, capabilities: Fields = {}): Promise<RawConversation> {
    const authorization = `Bearer ${token}`
    const abort = new AbortController()
    const response = await fetch(`${url}/sse`, { headers: { authorization }, signal: abort.signal })
    const arrived: unknown[] = []
    let endpoint = ''
    void readEvents(response, (event, data) => {
      if (event === 'endpoint') endpoint = data
      else arrived.push(JSON.parse(data))
    }).catch(() => undefined)
    await eventually(() => endpoint !== '', { what: 'the endpoint of the session' })
    const post = async (body: Buffer, headers: Fields): Promise<Sent> => {
      const answer = await fetch(url + endpoint, {
        method: 'POST',
        headers: {
          authorization,
          'content-type': 'application/json',
          ...(headers as Record<string, string>),
        },
        body: new Uint8Array(body),
      })
      const kept = Object.fromEntries(HEADERS.map((name) => [name, answer.headers.get(name)]))
      return { status: answer.status, headers: kept, text: (await answer.text()).replaceAll(url, '') }
    }
    return begun(new RawConversation(arrived, post, () => abort.abort()), capabilities)
  }

  /** Opens a WebSocket. */
  static async overWebSocket(
    url: string,
    token: string,
    capabilities: Fields = {},
  ): Promise<RawConversation> {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, 'mcp', {
      headers: { authorization: `Bearer ${token}` },
    })
    const arrived: unknown[] = []
    // A WebSocket of this package gives buffers.
    socket.on('message', (data) => arrived.push(JSON.parse((data as Buffer).toString())))
    await once(socket, 'open')
    const post = (body: Buffer): Promise<Sent> => {
      socket.send(body.toString())
      return Promise.resolve(NO_RESPONSE)
    }
    return begun(new RawConversation(arrived, post, () => socket.terminate()), capabilities)
  }

  /** Sends a message without waiting for anything. */
  async send(message: unknown): Promise<void> {
    await this.#post(Buffer.from(JSON.stringify(message)), {})
  }

  /** Sends a message, and waits for its answer and for that to a ping behind it. */
  async exchange(body: Buffer, headers: Fields = {}): Promise<Reply> {
    const from = this.#arrived.length
    const sent = await this.#post(body, headers)
    const ping = `ping-${(this.#pings += 1)}`
    await this.send({ jsonrpc: '2.0', id: ping, method: 'ping' })
    const since = (): unknown[] => this.#arrived.slice(from)
    const isPing = (message: unknown): boolean => isJsonObject(message) && message['id'] === ping
    const isAnswer = (message: unknown): boolean =>
      isJsonObject(message) && !('method' in message) && !isPing(message)
    const isAwaited = sent.status === ACCEPTED ? isRequest(body) : sent.status === 0 && !isSilent(body)
    await eventually(() => since().some(isPing) && (!isAwaited || since().some(isAnswer)), {
      what: `the answer to ${body.toString().slice(0, 200)}`,
    })
    return { ...sent, messages: since().filter((message) => !isPing(message)) }
  }
}

async function begun(conversation: RawConversation, capabilities: Fields): Promise<RawConversation> {
  await conversation.exchange(Buffer.from(JSON.stringify(initialize('opening', undefined, capabilities))))
  await conversation.send({ jsonrpc: '2.0', method: 'notifications/initialized' })
  return conversation
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    return undefined
  }
}

function isRequest(body: Buffer): boolean {
  const message = parsed(body)
  return isJsonObject(message) && 'method' in message && 'id' in message
}

/** Whether nothing answers a frame: it is a notification or an answer. */
function isSilent(body: Buffer): boolean {
  const message = parsed(body)
  return isJsonObject(message) && !('method' in message && 'id' in message)
}

async function readEvents(response: Response, take: (event: string, data: string) => void): Promise<void> {
  let text = ''
  for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const events = (text + piece).split('\n\n')
    text = events.pop() ?? ''
    for (const event of events) {
      const field = (name: string): string | undefined =>
        event
          .split('\n')
          .find((line) => line.startsWith(`${name}: `))
          ?.slice(name.length + 2)
      const data = field('data')
      if (data !== undefined) take(field('event') ?? '', data)
    }
  }
}
