import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { visible } from '../../domain/text/visible.ts'
import { isSecretName, redactText } from '../../telemetry/redaction.ts'

/** What credentials of well-known issuers look like. */
const CREDENTIALS =
  /\b(?:gh[pousr]_\w{30,255}|github_pat_\w{30,255}|glpat-[\w-]{20,64}|sk-[\w-]{20,200}|xox[abprs]-[\w-]{10,200}|AKIA[0-9A-Z]{16}|AIza[\w-]{35}|npm_\w{36})\b|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]{0,8192}/g
const SET_BY_OPERATOR = '[set by the operator]'

/**
 * Arguments as an approver sees them: complete, with marks in place of secrets and of what the operator set,
 * which callers do not see.
 * @param fixed names of the arguments that the operator set
 */
function shownArguments(given: unknown, fixed: Iterable<string> = []): JsonObject {
  if (!isJsonObject(given)) return {}
  const hidden = new Set(fixed)
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [
      name,
      hidden.has(name) ? SET_BY_OPERATOR : withoutSecrets(value, name),
    ]),
  )
}

function withoutSecrets(value: unknown, name = ''): unknown {
  if (value !== null && isSecretName(name)) return redacted(value)
  if (typeof value === 'string') return redactText(value).replace(CREDENTIALS, '[redacted]')
  if (Array.isArray(value)) return value.map((item) => withoutSecrets(item))
  if (!isJsonObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([member, content]) => [member, withoutSecrets(content, member)]),
  )
}

/** The length tells an empty secret from one that was filled in. */
function redacted(value: unknown): string {
  return typeof value === 'string' ? `[redacted, ${value.length} characters]` : '[redacted]'
}

/** The most bytes of arguments that a person is asked to approve. */
const MAX_BYTES = 65_536

/**
 * The same as JSON text, and how large the arguments themselves are.
 * @throws GatewayError `invalid_arguments` when they are more than anybody can be asked to read
 */
export function shownText(
  given: unknown,
  fixed?: ReadonlyMap<string, unknown>,
): { readonly shown: JsonObject; readonly text: string; readonly bytes: number } {
  const bytes = Buffer.byteLength(JSON.stringify(given ?? {}))
  if (bytes > MAX_BYTES) {
    const problems = [
      `arguments have ${bytes} bytes; a person can be asked to approve a call with at most ${MAX_BYTES}`,
    ]
    throw new GatewayError('invalid_arguments', problems[0], { facts: { problems, mayHaveExecuted: false } })
  }
  const shown = shownArguments(given, fixed?.keys())
  return { shown, text: JSON.stringify(shown), bytes }
}

/** Arguments for a person to read: indented, with codes in place of all characters that cannot be seen. */
export function readableArguments(shown: JsonObject): string {
  return visible(JSON.stringify(shown, null, 2))
}
