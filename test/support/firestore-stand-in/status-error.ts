import type { status } from '@grpc/grpc-js'

/** What a call ends with instead of an answer. */
export class StatusError extends Error {
  readonly code: status

  constructor(code: status, message: string) {
    super(message)
    this.code = code
  }
}
