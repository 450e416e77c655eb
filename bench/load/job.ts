/** How callers speak to what they call. */
export type Way = 'modern' | 'legacy' | 'sse' | 'websocket' | 'rest'

/** What the load generator does in one measurement. */
export interface Job {
  readonly way: Way
  /** Where that way is spoken: the endpoint of MCP, the event stream, the socket, or what is before `/TOOL` over REST. */
  readonly url: string
  /** The name of the echo tool there. */
  readonly tool: string
  /**
   * Bearer tokens; none where no token is asked for. Callers with a session have one each. The others use all of them in
   * turn where there are more tokens than callers.
   */
  readonly tokens: readonly string[]
  /** Callers in closed loop: each makes its next call when the last one is answered. */
  readonly callers: number
  /** Calls of all callers together. */
  readonly calls: number
  /** Calls before those that count. */
  readonly warmUp: number
  /** Size of the image in each result, in bytes of base64; 0 for none. */
  readonly bytes: number
  /** Progress messages before each result; 0 for none. Only over Streamable HTTP, in whose answers they come. */
  readonly progress: number
}

/** What the callers saw. Times in milliseconds. */
export interface LoadResult {
  readonly calls: number
  readonly wallMs: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Processor time of the load generator for each call, in microseconds. */
  readonly generatorUs: number
}

/** What the process that measures tells the load generator: open and warm up, make the calls, close. */
export type Step = { readonly step: 'prepare'; readonly job: Job } | { readonly step: 'run' | 'close' }

/** What the load generator answers to each step; the second field is there after `run`. */
export interface StepAnswer {
  readonly error?: string
  readonly result?: LoadResult
}
