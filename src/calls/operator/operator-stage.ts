/*
 * The interface of an operator's own stages: what `createStage` of a module that CALL_STAGES names gets and gives. This
 * file imports nothing, so that it can be copied to where such modules are written.
 */

/** Parameters and results, with members that the gateway does not know either. */
export type JsonObject = { [key: string]: unknown }

/** A call as a stage sees it: of its caller and its target, and of nothing else. */
export interface StageCall {
  readonly tenantId: string
  readonly subject: string
  readonly agent: string | undefined
  readonly roles: readonly string[]
  /** The way in: `rest`, `streamable-http`, `sse` or `websocket`. */
  readonly face: string
  /** The same as in the log, in the usage record, and in `x-request-id`. */
  readonly requestId: string
  /** The MCP method, for example `tools/call`; REST calls have one too. */
  readonly method: string
  readonly server: string
  /** The server's own name of the tool or prompt, or the resource's URI. */
  readonly target: string
  /** What the caller sent, to be read; a stage that wants something else gives it to `next`. */
  readonly params: JsonObject
  /** Aborted when the caller goes away. */
  readonly signal: AbortSignal
}

/**
 * The rest of the call, which can run once. Rejects with what went wrong; a stage that is not concerned lets that pass.
 * @param params what goes on in place of the caller's
 */
export type NextStage = (params?: JsonObject) => Promise<JsonObject>

/** One step of every call: gives back the result, or one of its own, or throws. */
export type OperatorStage = (call: StageCall, next: NextStage) => Promise<JsonObject>

/** What the module of a stage gets from the gateway when it is loaded. */
export interface StageContext {
  /** The gateway's log, with the module in each line. */
  readonly logger: StageLogger
  /** An error for the caller: the call is `forbidden`, for the reason given. Whatever else a stage throws stays inside. */
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
