import type { Pool } from 'undici'
import type { Job, Way } from './job.ts'
import { modernCaller, restCaller } from './http-callers.ts'
import { legacyCaller, sseCaller, webSocketCaller } from './session-callers.ts'

/** One caller, with one call in flight at a time. */
export interface Caller {
  /** Calls the echo tool; resolves with the bytes of the answer, or with its text. */
  readonly call: (message: string) => Promise<Buffer | string>
  readonly close: () => Promise<void>
}

/** What a caller needs to know. */
export interface CallerOptions {
  readonly url: URL
  readonly tool: string
  readonly bytes: number
  /** Progress messages before each result; 0 for none. */
  readonly progress?: number
  /** The headers for a call: `authorization`, if a token is asked for. */
  readonly authorization: () => Record<string, string>
  /** Connections for posts that the caller shares with others; by default it has one. */
  readonly pool?: Pool
}

const WAYS: Record<Way, (options: CallerOptions) => Promise<Caller>> = {
  modern: modernCaller,
  rest: restCaller,
  legacy: legacyCaller,
  sse: sseCaller,
  websocket: webSocketCaller,
}

/** Opens a caller of a job. Rejects when it is not let in. */
export function openCaller(job: Job, index: number): Promise<Caller> {
  let turn = index - job.callers
  const authorization = (): Record<string, string> => {
    turn += job.callers
    const token = job.tokens[turn % job.tokens.length]
    return token === undefined ? {} : { authorization: `Bearer ${token}` }
  }
  return WAYS[job.way]({
    url: new URL(job.url),
    tool: job.tool,
    bytes: job.bytes,
    progress: job.progress,
    authorization,
  })
}

/**
 * Whether it is the result of the call that carried this message, and whole, behind all of its progress messages. Looks at
 * bytes: parsing would cost more than some systems do.
 */
export function isAnswer(
  answer: Buffer | string,
  message: string,
  { bytes, progress }: Pick<Job, 'bytes' | 'progress'>,
): boolean {
  return (
    answer.length > bytes &&
    answer.includes(`"type":"text","text":"${message}`) &&
    !answer.includes('"isError":true') &&
    (progress === 0 || answer.includes(`"progress":${progress}`))
  )
}
