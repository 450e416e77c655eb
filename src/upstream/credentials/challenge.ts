import { extractWWWAuthenticateParams } from '@modelcontextprotocol/client'
import type { Challenge } from './credential-source.ts'

const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/
const MAX_SCOPES = 50

/** The challenge of a response; undefined for one that refuses no credential. */
export function challengeIn(response: Response, { isLast = false } = {}): Challenge | undefined {
  const { status } = response
  if (status !== 401 && status !== 403) return undefined
  const { scope = '', error } = extractWWWAuthenticateParams(response)
  const isScope = error === 'insufficient_scope'
  // Without a challenge it is the request that is forbidden, not the credential.
  if (status === 403 && !isScope) return undefined
  return { status, isScope, isLast, scopes: scopesIn(scope) }
}

/** The scopes of a text in which they are separated by spaces. */
export function scopesIn(text: string): string[] {
  const scopes = text.split(' ').filter((scope) => SCOPE.test(scope))
  return [...new Set(scopes)].slice(0, MAX_SCOPES)
}
