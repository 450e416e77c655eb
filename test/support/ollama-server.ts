import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request to a model, as it came in. */
interface AskedModel {
  readonly model: string
  readonly system: string
  readonly prompt: string
  readonly options: unknown
  readonly keepAlive: unknown
}

/** How the server treats requests to models. */
type Mood =
  /** Answers, in three pieces, `<system>: <prompt>`. */
  | 'well'
  /** Does not answer until it is told to. */
  | 'holding'
  /** Sends lines that are no JSON. */
  | 'garbage'
  /** Sends JSON that is no answer of a model. */
  | 'nonsense'
  /** Ends in the middle of an answer. */
  | 'breaking_off'
  /** Has no model of that name. */
  | 'without_model'
  /** Answers with what is no more than white space. */
  | 'silent'

/** A server on loopback that speaks as much of Ollama's API as the gateway uses. */
export interface OllamaServer extends AsyncDisposable {
  readonly url: string
  readonly asked: AskedModel[]
  readonly feel: (mood: Mood) => void
  /** Answers the requests that it holds. */
  readonly release: () => void
  /** How many requests it holds whose client is still there. */
  readonly held: () => number
}

export async function startOllama(port = 0): Promise<OllamaServer> {
  let mood: Mood = 'well'
  const asked: AskedModel[] = []
  const held = new Map<ServerResponse, AskedModel>()
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      if (request.url === '/api/tags')
        return json(response, { models: [{ name: 'tiny' }, { name: 'coder' }] })
      if (request.url !== '/api/chat') return void response.writeHead(404).end()
      const given = askedIn(body)
      asked.push(given)
      if (mood !== 'holding') return ANSWERS[mood](response, given)
      held.set(response, given)
      response.once('close', () => held.delete(response))
    })
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    feel: (given) => (mood = given),
    release: () => {
      for (const [response, given] of held) ANSWERS.well(response, given)
    },
    held: () => held.size,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const ANSWERS: Record<Exclude<Mood, 'holding'>, (response: ServerResponse, asked: AskedModel) => void> = {
  well: (response, { model, system, prompt }) => {
    for (const content of [system, ': ', prompt])
      response.write(`${JSON.stringify({ model, message: { role: 'assistant', content }, done: false })}\n`)
    response.end(
      `${JSON.stringify({ model, message: { role: 'assistant', content: '' }, done: true, done_reason: 'stop' })}\n`,
    )
  },
  garbage: (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>\nhello\n'),
  nonsense: (response) => response.end('{"done":true}\n{"surprise":1}\n'),
  breaking_off: (response, { model }) => {
    response.write(
      `${JSON.stringify({ model, message: { role: 'assistant', content: 'half' }, done: false })}\n`,
    )
    setImmediate(() => response.destroy())
  },
  without_model: (response, { model }) => json(response, { error: `model '${model}' not found` }, 404),
  silent: (response, { model }) =>
    response.end(
      `${JSON.stringify({ model, message: { role: 'assistant', content: ' \n' }, done: true })}\n`,
    ),
}

function askedIn(body: string): AskedModel {
  const {
    model,
    messages,
    options,
    keep_alive: keepAlive,
  } = JSON.parse(body) as {
    model: string
    messages: { role: string; content: string }[]
    options: unknown
    keep_alive: unknown
  }
  const of = (role: string): string => messages.find((message) => message.role === role)?.content ?? ''
  return { model, system: of('system'), prompt: of('user'), options, keepAlive }
}

function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}
