/*
 * The interface of an operator's own stages: what `createStage` of a module that CALL_STAGES names gets and gives. This
 * file imports nothing, so that it can be copied to where such modules are written.
 */

/** Parameters and results, including members that the gateway does not know. */
export type JsonObject = { [key: string]: unknown }

/** What a stage sees of a call: its caller and its target. */
export interface StageCall {
  readonly tenantId: string
  readonly subject: string
  readonly agent: string | undefined
  readonly roles: readonly string[]
  /** The way in: `rest`, `streamable-http`, `sse` or `websocket`. */
  readonly face: string
  /** The request id of the log, the usage record, and `x-request-id`. */
  readonly requestId: string
  /** The MCP method, for example `tools/call`; REST calls have one too. */
  readonly method: string
  readonly server: string
  /** The server's own name of the tool or prompt, or the resource's URI. */
  readonly target: string
  /** What the caller sent, read-only; a stage that changes parameters passes new ones to `next`. */
  readonly params: JsonObject
  /** Aborted when the caller goes away. */
  readonly signal: AbortSignal
}

/**
 * Runs the rest of the call, at most once. It rejects with the error of the call, which a stage should pass on unless
 * it handles that error.
 * @param params replace the caller's parameters
 */
export type NextStage = (params?: JsonObject) => Promise<JsonObject>

/** One stage of every call: returns the result or another one, or throws. */
export type OperatorStage = (call: StageCall, next: NextStage) => Promise<JsonObject>

/** What the module of a stage gets from the gateway when it is loaded. */
export interface StageContext {
  /** The gateway's log, with the module in each line. */
  readonly logger: StageLogger
  /**
   * Makes the error that refuses the call: the caller gets `forbidden` with this reason. Other errors of a stage are
   * logged and never shown to the caller.
   */
  readonly refuse: (reason: string) => Error
  /** Registers what to do when the gateway stops. */
  readonly onClose: (close: () => Promise<void> | void) => void
}

interface StageLogger {
  readonly debug: (facts: object, message: string) => void
  readonly info: (facts: object, message: string) => void
  readonly warn: (facts: object, message: string) => void
  readonly error: (facts: object, message: string) => void
}

/** What a module exports as `createStage`; called once, at the start. */
export type CreateStage = (context: StageContext) => OperatorStage | Promise<OperatorStage>
