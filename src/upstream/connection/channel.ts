import {
  type RequestId,
  SSEClientTransport,
  StreamableHTTPClientTransport,
  type Transport,
} from '@modelcontextprotocol/client'
import { type Clock, sleep } from '../../domain/clock.ts'
import type { TransitBytes } from '../../domain/concurrency/transit-bytes.ts'
import { secretPlaces } from '../../domain/documents/secret-reference.ts'
import {
  type HttpServerDefinition,
  isHttp,
  type ServerDefinition,
} from '../../domain/documents/server-definition.ts'
import type { Outbound } from '../../outbound/outbound.ts'
import { redactText } from '../../telemetry/redaction.ts'
import { credentialedFetch } from '../credentials/credentialed-fetch.ts'
import type { CredentialSource } from '../credentials/credential-source.ts'
import { CookieJar } from '../fetch/cookie-jar.ts'
import { DirectPost } from '../fetch/direct-post.ts'
import { EventHeads } from '../fetch/event-heads.ts'
import { LargeReplies } from '../fetch/large-replies.ts'
import { limitedFetch } from '../fetch/limited-fetch.ts'
import { type LaunchOptions, launchOf } from '../stdio/launch.ts'
import type { PackageFolders } from '../stdio/package-command.ts'
import type { ProcessLog } from '../stdio/process-log.ts'
import { redactor } from './decorators/redaction.ts'
import type { ServerWithSecrets } from './resolve-secrets.ts'
import { adviceFor } from '../stdio/start-advice.ts'
import { StdioTransport } from '../stdio/stdio-transport.ts'
import { StreamPacing } from '../fetch/stream-pacing.ts'

const GOODBYE_MS = 1000
/** How long a first request waits for the standing stream: some servers answer only when they have something to say. */
const STREAM_MS = 300

/** A transport that is not connected yet, with its properties that the SDK does not know. */
export interface Channel {
  readonly transport: Transport
  /** Whether it is a pipe to a process. */
  readonly isPipe: boolean
  /** Whether a message was received. */
  readonly hasSpoken: () => boolean
  /** Process id, once started. */
  readonly pid: () => number | undefined
  /** Whether the server keeps a session for the connection, which it could lose. */
  readonly hasSession: () => boolean
  /** Adds what the process wrote about it to a reason. */
  readonly explain: (reason: string) => string
  /** The reason for which the channel ended without being closed. */
  readonly endReason: () => string
  /** Ends the session before the transport closes. */
  readonly sayGoodbye: () => Promise<void>
  /** The requests that unreadable input, just received, probably answers. */
  readonly takeAnswered: () => RequestId[]
  /** Registers a listener for when the stream for messages that belong to no request is open again after a gap. */
  readonly onGap: (listener: () => void) => void
  /** Whether the server has answered like a server of HTTP+SSE. */
  readonly speaksSse: () => boolean
  /** Resolves when messages that belong to no request arrive, as far as the server has such a stream, or after a moment. */
  readonly listening: () => Promise<void>
  /** Sends requests without the transport; absent if only the transport can. */
  readonly direct?: DirectChannel
}

/** Sends requests without the transport of the SDK. */
export interface DirectChannel {
  readonly post: DirectPost
  /** Where the session of the connection stands. */
  readonly transport: Pick<Transport, 'sessionId'>
  /** Whether the response streams of the server can be resumed, which only the transport does. */
  readonly streams: Pick<EventHeads, 'hasIds'>
  /** The `Authorization` header of the next request; absent if the document says all that is sent. */
  readonly authorization?: () => Promise<string>
}

const PIPE = {
  hasSession: () => false,
  takeAnswered: () => [],
  onGap: () => undefined,
  speaksSse: () => false,
  listening: () => Promise.resolve(),
}

/**
 * The channel to a process of the server.
 * @throws Error if its package is not installed, or it must not be started
 */
export async function stdioChannel(
  { server, secrets }: ServerWithSecrets,
  options: {
    packages: PackageFolders
    launch: LaunchOptions
    maxMessageBytes: number
    clock: Clock
    log?: ProcessLog | undefined
  },
): Promise<Channel> {
  if (server.transport !== 'stdio') throw new TypeError('not a stdio server')
  const { packages, launch, maxMessageBytes, clock, log } = options
  const command = await launchOf(server, packages, launch)
  const redact = redactor({ secrets, literals: Object.values(server.env) })
  const transport = new StdioTransport({
    command,
    maxMessageBytes,
    clock,
    redact: (text) => redactText(redact(text)),
    log,
    owner: launch.owner,
  })
  return {
    transport,
    isPipe: true,
    hasSpoken: () => transport.hasSpoken,
    ...PIPE,
    pid: () => transport.pid,
    explain: (reason) => {
      const facts = [transport.ownEnd ?? redact(reason)]
      const said = transport.stderr.tellingLine()
      const { firstIgnored: printed, hasSpoken } = transport
      if (said !== undefined) facts.push(`it said: ${said}`)
      if (printed !== undefined && !hasSpoken)
        facts.push(`it wrote text to standard output, which is reserved for MCP messages: ${printed}`)
      const isSilent = said === undefined && printed === undefined && !hasSpoken
      if (isSilent && transport.ownEnd === undefined)
        facts.push(adviceFor(server.command ?? server.package ?? ''))
      return facts.join('; ')
    },
    endReason: () => transport.exitReason,
    sayGoodbye: () => Promise.resolve(),
  }
}

/** The channel to the server's endpoint over Streamable HTTP or, with `isSse`, over HTTP+SSE. */
export function httpChannel(
  { server, secrets }: ServerWithSecrets,
  options: {
    isSse: boolean
    maxMessageBytes: number
    via?: string | undefined
    /** The credential of each request, in addition to the headers of the document. */
    credential?: CredentialSource | undefined
    outbound: Outbound
    transit?: TransitBytes | undefined
    clock: Clock
    onLeftOut?: ((server: ServerDefinition, count: number) => void) | undefined
  },
): Channel {
  if (!isHttp(server)) throw new TypeError('not an HTTP server')
  const { isSse, maxMessageBytes: maxBytes, via, credential, transit, clock } = options
  const outbound = options.outbound.of(server)
  const url = new URL(server.url ?? server.instances?.[0]?.url ?? '')
  const heads = new EventHeads()
  const pacing = new StreamPacing({ clock })
  const cookies = new CookieJar({ url, now: () => clock.now() })
  const large = new LargeReplies(transit)
  const headers = headersOf(server)
  const redact = redactor({ secrets, literals: secretPlaces(server).map(({ value }) => value) })
  let refused: string | undefined
  const answered = Promise.withResolvers<void>()
  const fetch = limitedFetch({
    outbound,
    maxBytes,
    via,
    cookies,
    heads,
    large,
    answersInPlace: !isSse,
    onRefused: (reason) => (refused = `it is not connected to: ${reason}`),
    onLeftOut: (count) => options.onLeftOut?.(server, count),
    onStream: () => pacing.opened(),
    onStreamAnswered: () => answered.resolve(),
  })
  const settings = {
    fetch: credential === undefined ? fetch : credentialedFetch(fetch, credential, url),
    requestInit: { headers },
  }
  const shared = {
    isPipe: false,
    hasSpoken: () => true,
    pid: () => undefined,
    explain: (reason: string) => redact(refused ?? reason),
    endReason: () => 'the connection was closed',
    takeAnswered: () => heads.takeAnswered(),
    onGap: (listener: () => void) => (pacing.onReopened = listener),
    speaksSse: () => heads.hasEndpoint,
    listening: () => Promise.race([answered.promise, sleep(clock, STREAM_MS)]),
  }
  if (isSse) {
    return {
      ...shared,
      transport: new SSEClientTransport(url, settings),
      // Its one stream is there before anything is sent.
      listening: () => Promise.resolve(),
      // The URL for messages contains the session id.
      hasSession: () => true,
      sayGoodbye: () => Promise.resolve(),
    }
  }
  const transport = new StreamableHTTPClientTransport(url, {
    ...settings,
    reconnectionOptions: pacing.options,
    reconnectionScheduler: pacing.schedule,
  })
  return {
    ...shared,
    transport,
    direct: {
      post: new DirectPost({ url, headers, via, cookies, maxBytes, outbound, large }),
      transport,
      streams: heads,
      ...(credential !== undefined && { authorization: () => credential.authorization() }),
    },
    hasSession: () => transport.sessionId !== undefined,
    // The server keeps a session until it is told to end it.
    sayGoodbye: () =>
      Promise.race([transport.terminateSession().catch(() => undefined), sleep(clock, GOODBYE_MS)]),
  }
}

/** What `auth` sets takes the place of a header of that name in any case: two of them would be sent as one list. */
function headersOf({ headers, auth }: HttpServerDefinition): Record<string, string> {
  const all = new Headers(headers)
  if (auth.kind === 'bearer') all.set('authorization', `Bearer ${auth.token.replace(SCHEME, '')}`)
  if (auth.kind === 'headers') for (const [name, value] of Object.entries(auth.headers)) all.set(name, value)
  return Object.fromEntries(all)
}

/** What many services show their tokens with; no token has a space in it (RFC 6750 §2.1). */
const SCHEME = /^bearer +/i
