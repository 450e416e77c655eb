/** The `code` of anything thrown: text in errors of Node, a number in those of gRPC. */
export function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
}
