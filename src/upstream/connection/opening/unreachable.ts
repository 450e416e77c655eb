import { isJsonObject } from '../../../domain/json/json.ts'

/** Failures that occur before any server could have handled a byte of the request. */
const NOT_CONNECTED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'EHOSTDOWN',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
])
const UNTRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_UNTRUSTED',
])
/** System calls that precede sending. */
const CONNECTING = new Set(['connect', 'getaddrinfo'])
const BAD_PORT = 'bad port'
/** Of an `OutboundRefused`, whose message says which setting allows the address. */
const REFUSED = 'OUTBOUND_REFUSED'

/** For certificates and ports: the problem, and a remedy. */
const REASONS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired; it has to be renewed at the server',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet; check the clocks of both machines',
  CERT_REVOKED: 'its certificate was revoked; it has to be renewed at the server',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'its certificate is for another host name; write the name that the certificate has into url',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS at this port; try http:// or another port',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS at this port; try http:// or another port',
  [REFUSED]: 'it is at an address that the policy for outgoing requests does not allow',
  [BAD_PORT]: 'HTTP clients refuse its port, which belongs to another protocol; use another port',
}

/** The system's code of a failure to connect, found in an error of `fetch`; undefined for every other failure. */
export function unreachableCode(error: unknown): string | undefined {
  for (const failure of chainOf(error)) {
    const code = codeOf(failure)
    if (code === undefined) continue
    if (NOT_CONNECTED.has(code) || UNTRUSTED.has(code) || REASONS[code] !== undefined) return code
    if (CONNECTING.has(String(failure['syscall']))) return code
  }
  return undefined
}

/** Why a connection could not be opened, or was lost, for operators: the problem and, if known, a remedy. */
export function connectionFailure(error: unknown): string {
  const code = unreachableCode(error)
  if (code === undefined) return brokenReason(error)
  if (code === REFUSED) return refusalText(error)
  const reason = REASONS[code]
  if (reason !== undefined) return code === BAD_PORT ? reason : `${reason} (${code})`
  if (!UNTRUSTED.has(code)) return `it cannot be reached (${code})`
  return `its certificate is not trusted (${code}); name a file with the certificate of its authority in NODE_EXTRA_CA_CERTS and start the gateway again`
}

function refusalText(error: unknown): string {
  const { message } = chainOf(error).find((failure) => codeOf(failure) === REFUSED) ?? {}
  return `it is not connected to: ${String(message)}`
}

function brokenReason(error: unknown): string {
  const code = chainOf(error)
    .map(codeOf)
    .find((found) => found !== undefined)
  if (code?.startsWith('HPE_') === true)
    return `it does not speak HTTP at this port (${code}); try https:// or another port`
  return code === undefined ? 'the connection broke' : `the connection broke (${code})`
}

/** Checks the shape, not the class: errors of `fetch` may come from another realm. */
function chainOf(error: unknown): Record<string, unknown>[] {
  const chain: Record<string, unknown>[] = []
  for (let current = error; isJsonObject(current) && chain.length < 10; current = current['cause'])
    chain.push(current)
  return chain
}

/** `fetch` has no code for a port that it refuses. */
function codeOf({ code, message }: Record<string, unknown>): string | undefined {
  if (typeof code === 'string') return code
  return message === BAD_PORT ? BAD_PORT : undefined
}
