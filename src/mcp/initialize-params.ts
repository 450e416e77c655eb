import { isJsonObject, type JsonObject } from '../domain/json/json.ts'

/** A session id holds them, sealed, and a client sends that with each request, in one header. */
const MAX_CAPABILITIES_BYTES = 2048
const MAX_NAME = 128
const MAX_VERSION = 64
/** Capabilities that the gateway and the servers behind it act on. */
const KINDS = ['elicitation', 'sampling', 'roots', 'tasks']

/**
 * The parameters of an `initialize` that are used later, truncated to lengths that sessions and records can store, because a
 * client may send anything. Invalid parameters stay invalid.
 */
export function boundedInitialize({ protocolVersion, capabilities, clientInfo }: JsonObject): JsonObject {
  return {
    protocolVersion: cut(protocolVersion, MAX_VERSION),
    capabilities: isJsonObject(capabilities) ? bounded(capabilities) : capabilities,
    clientInfo: isJsonObject(clientInfo)
      ? { name: cut(clientInfo['name'], MAX_NAME), version: cut(clientInfo['version'], MAX_NAME) }
      : clientInfo,
  }
}

function cut(value: unknown, length: number): unknown {
  return typeof value === 'string' ? value.slice(0, length).toWellFormed() : value
}

/** The settings of a kind stay unless there are too many of them. */
function bounded(capabilities: JsonObject): JsonObject {
  if (fits(capabilities)) return capabilities
  const known = KINDS.filter((kind) => isJsonObject(capabilities[kind]))
  const whole = Object.fromEntries(known.map((kind) => [kind, capabilities[kind]]))
  return fits(whole) ? whole : Object.fromEntries(known.map((kind) => [kind, {}]))
}

function fits(value: JsonObject): boolean {
  return Buffer.byteLength(JSON.stringify(value)) <= MAX_CAPABILITIES_BYTES
}
