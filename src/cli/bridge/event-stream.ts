/** Takes a `text/event-stream` apart (HTML, server-sent events §9.2.6). */
export class EventStream {
  /** What to send as `Last-Event-ID` to go on from here. */
  lastId: string | undefined
  /** How long the server wants its clients to wait before they come back, in milliseconds. */
  retryMs: number | undefined
  readonly #decoder = new TextDecoder()
  #rest = ''
  #data: string[] = []
  #type = ''

  constructor(lastId?: string) {
    this.lastId = lastId
  }

  /** The data of the messages that a piece of the stream completes. */
  *read(chunk: Uint8Array): Generator<string> {
    const text = this.#rest + this.#decoder.decode(chunk, { stream: true })
    const lines = text.split(/\r\n|\n|\r(?!$)/)
    this.#rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line === '') yield* this.#event()
      else this.#field(line)
    }
  }

  #field(line: string): void {
    const colon = line.indexOf(':')
    const name = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (name === 'data') this.#data.push(value)
    if (name === 'event') this.#type = value
    if (name === 'id' && !value.includes('\0')) this.lastId = value || undefined
    if (name === 'retry' && /^\d{1,9}$/.test(value)) this.retryMs = Number(value)
  }

  *#event(): Generator<string> {
    const data = this.#data.join('\n')
    const isMessage = this.#type === '' || this.#type === 'message'
    this.#data = []
    this.#type = ''
    if (isMessage && data !== '') yield data
  }
}
