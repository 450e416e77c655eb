import { type Json, PROTOCOL_VERSION } from './vs-code-http.ts'

/** A conversation of VS Code over Streamable HTTP. */
export class VsCodeSession {
  readonly #url: string
  readonly #stop = new AbortController()
  #sessionId: string | undefined
  #nextId = 1
  token: string | undefined

  constructor(url: string) {
    this.#url = url
  }

  get isOpen(): boolean {
    return this.#sessionId !== undefined
  }

  /** The first request, with which VS Code finds out whether it has to sign in. */
  async initialize(): Promise<Response> {
    const response = await this.#post({
      id: this.#nextId++,
      method: 'initialize',
      params: {
        protocolVersion: PROTOCOL_VERSION,
        capabilities: { roots: { listChanged: true }, sampling: {}, elicitation: { form: {}, url: {} } },
        clientInfo: { name: 'Visual Studio Code', version: '1.106.0' },
      },
    })
    if (response.status === 200) {
      this.#sessionId = response.headers.get('mcp-session-id') ?? undefined
      await messagesOf(response)
    }
    return response
  }

  async notify(method: string): Promise<void> {
    const { status } = await this.#post({ method })
    if (status !== 202) throw new Error(`${method} was answered ${status}`)
  }

  /** The result of a request. @throws Error for an error, or when there is none */
  async request(method: string, params: Json): Promise<unknown> {
    const id = this.#nextId++
    const response = await this.#post({ id, method, params })
    if (!response.ok) throw new Error(`${method} was answered ${response.status}: ${await response.text()}`)
    const answer = (await messagesOf(response)).find((message) => message['id'] === id)
    if (answer?.['result'] === undefined)
      throw new Error(`${method} has no result: ${JSON.stringify(answer)}`)
    return answer['result']
  }

  /** The stream of what belongs to no request; it stays open. */
  async openBackchannel(): Promise<void> {
    const headers = { ...this.#headers(), accept: 'text/event-stream' }
    const response = await fetch(this.#url, { headers, signal: this.#stop.signal })
    if (response.status !== 200) throw new Error(`the stream was answered ${response.status}`)
  }

  async close(): Promise<void> {
    this.#stop.abort()
    const { status } = await fetch(this.#url, { method: 'DELETE', headers: this.#headers() })
    if (status >= 300) throw new Error(`DELETE was answered ${status}`)
  }

  #post(message: Json): Promise<Response> {
    return fetch(this.#url, {
      method: 'POST',
      redirect: 'manual',
      headers: {
        'content-type': 'application/json',
        accept: 'text/event-stream, application/json',
        ...this.#headers(),
      },
      body: JSON.stringify({ jsonrpc: '2.0', ...message }),
    })
  }

  #headers(): Record<string, string> {
    return {
      ...(this.token !== undefined && { authorization: `Bearer ${this.token}` }),
      ...(this.#sessionId !== undefined && { 'mcp-session-id': this.#sessionId }),
    }
  }
}

/** The messages of an answer, which is JSON or a stream of events. */
async function messagesOf(response: Response): Promise<readonly Json[]> {
  const text = await response.text()
  if (response.headers.get('content-type')?.startsWith('text/event-stream') !== true)
    return [JSON.parse(text) as Json]
  return text
    .split('\n')
    .filter((line) => line.startsWith('data:') && line.length > 6)
    .map((line) => JSON.parse(line.slice(5)) as Json)
}
