import { Agent, type IncomingHttpHeaders, request as httpRequest } from 'node:http'
import { connect, type Socket } from 'node:net'

/** What came back over a socket. */
export interface Reply {
  /** 0: the connection ended without an answer. */
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  readonly ms: number
  /** What is shown in place of the rest. */
  readonly said?: string
}

/** Header fields, in order; a list sends its name several times. */
export type Fields = Readonly<Record<string, string | readonly string[] | undefined>>

const agent = new Agent({ keepAlive: true, maxSockets: 64 })
const LONGEST_MS = 60_000

/** One request, exactly as given: nothing is added but the length of the body. */
export function send(
  url: string,
  what: {
    readonly method?: string
    readonly path: string
    readonly headers: Fields
    readonly body?: string | Buffer
    /** Ends the request after so long, with what has come until then. */
    readonly forMs?: number
  },
): Promise<Reply> {
  const { hostname, port, host } = new URL(url)
  const { method = 'POST', path, body, forMs = LONGEST_MS } = what
  const fields: Fields = {
    host,
    ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }),
    ...what.headers,
  }
  const headers = Object.entries(fields).flatMap(([name, values]) =>
    [values ?? []].flat().flatMap((value) => [name, value]),
  )
  const started = performance.now()
  const { promise, resolve } = Promise.withResolvers<Reply>()
  let isAnswered = false
  const sent = httpRequest({ hostname, port, method, path, headers, agent }, (answer) => {
    isAnswered = true
    const chunks: Buffer[] = []
    answer.on('data', (chunk: Buffer) => chunks.push(chunk))
    answer.on('close', () => {
      const text = Buffer.concat(chunks).toString()
      resolve({
        status: answer.statusCode ?? 0,
        headers: answer.headers,
        text,
        ms: performance.now() - started,
      })
    })
  })
  const timer = setTimeout(() => sent.destroy(), forMs)
  sent.on('close', () => {
    clearTimeout(timer)
    if (!isAnswered) resolve({ status: 0, headers: {}, text: '', ms: performance.now() - started })
  })
  sent.on('error', () => undefined)
  sent.end(body)
  return promise
}

/** Bytes over a connection of their own; resolves with all answers that came until it ended, or until `forMs`. */
export async function sendBytes(
  url: string,
  bytes: string | Buffer | ((socket: Socket) => Promise<void> | void),
  forMs = 3000,
): Promise<Reply> {
  const { hostname, port } = new URL(url)
  const started = performance.now()
  const socket = connect(Number(port), hostname)
  socket.on('error', () => undefined)
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
  const timer = setTimeout(() => socket.destroy(), forMs)
  socket.once('connect', () => void (typeof bytes === 'function' ? bytes(socket) : socket.write(bytes)))
  await new Promise<void>((resolve) => socket.once('close', () => resolve()))
  clearTimeout(timer)
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0)
  return { status, headers: {}, text, ms: performance.now() - started }
}
