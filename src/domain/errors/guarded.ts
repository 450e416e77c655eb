const FRAME = /(?<![\w.-])([\w.-]{1,80}\.[jt]s:\d{1,6})/
const MAX_STACK = 4000

/**
 * Runs a check of foreign input. An error that it throws becomes a refusal of that input, made by `refused`, so that a
 * defect of a check affects one document and not the others.
 */
export function guarded<T>(check: () => T, refused: (reason: string) => T): T {
  try {
    return check()
  } catch (error) {
    return refused(faultText(error))
  }
}

/** A reason that contains nothing of the value; the message of the error could. */
function faultText(error: unknown): string {
  if (error instanceof RangeError) return 'it is nested too deeply to be checked'
  const kind = error instanceof Error ? error.constructor.name : typeof error
  const place = placeOf(error)
  return `it cannot be checked (${kind}${place === undefined ? '' : ` at ${place}`}): this is a defect of the gateway, please report it`
}

function placeOf(error: unknown): string | undefined {
  const { stack, message } = error instanceof Error ? error : {}
  if (stack === undefined || message === undefined) return undefined
  const frames = stack.slice(stack.indexOf(message) + message.length).slice(0, MAX_STACK)
  return FRAME.exec(frames)?.[1]
}
