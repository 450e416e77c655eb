import {
  isInitializeRequest,
  type JSONRPCMessage,
  SUPPORTED_PROTOCOL_VERSIONS,
} from '@modelcontextprotocol/server'
import type { SessionHttpRequest } from '../relay/relayed-request.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { acceptsType } from '../../domain/text/media-type.ts'

/** Revision of a request without a version header (MCP 2025-11-25, protocol version header). */
export const ASSUMED_VERSION = '2025-03-26'

/** @throws GatewayError `not_acceptable` unless the client accepts both content types of an answer to `POST` */
export function checkAccepts(request: SessionHttpRequest): void {
  const accept = request.get('accept')
  if (!acceptsType(accept, 'application/json') || !acceptsType(accept, 'text/event-stream'))
    throw notAcceptable(request)
}

/** @throws GatewayError `not_acceptable` unless the client accepts a stream of events */
export function checkAcceptsEvents(request: SessionHttpRequest): void {
  if (!acceptsType(request.get('accept'), 'text/event-stream')) throw notAcceptable(request)
}

function notAcceptable(request: SessionHttpRequest): GatewayError {
  const expected = request.method === 'POST' ? 'application/json, text/event-stream' : 'text/event-stream'
  const came = JSON.stringify(request.get('accept')?.slice(0, 128))
  return new GatewayError('not_acceptable', `Accept is ${came}; it must include ${expected}`)
}

/** Whether it is a revision that a session can have. */
export function isSupportedVersion(version: unknown): version is string {
  return typeof version === 'string' && SUPPORTED_PROTOCOL_VERSIONS.includes(version)
}

/** @throws GatewayError `invalid_request` for a revision that is not supported */
export function checkVersion(request: SessionHttpRequest): void {
  const version = request.get('mcp-protocol-version')
  if (version !== undefined && !SUPPORTED_PROTOCOL_VERSIONS.includes(version))
    throw new GatewayError('invalid_request', `The protocol version ${version.slice(0, 40)} is not supported`)
}

/** The revision of a request, by its header or, of an `initialize`, by its parameters. */
export function versionOf(request: SessionHttpRequest, message?: JSONRPCMessage): string {
  const version =
    message !== undefined && isInitializeRequest(message)
      ? message.params.protocolVersion
      : request.get('mcp-protocol-version')
  return isSupportedVersion(version) ? version : ASSUMED_VERSION
}
