import { LOCAL_ISSUER } from './local-names.ts'
import type { Identity } from './identity.ts'

/** The agent name of the command line that signs its token with the key on this machine. */
export const TERMINAL_AGENT = 'terminal'

/**
 * Whether a person sends a request, rather than a program with a token of that person: in a browser where the person is
 * signed in, or at the terminal of the machine that has the gateway's own key.
 */
export function isInPerson({ isPerson, principal }: Identity, platformAdminRole: string): boolean {
  if (isPerson === true) return true
  const { issuer, agent, roles } = principal
  return issuer === LOCAL_ISSUER && agent === TERMINAL_AGENT && roles.includes(platformAdminRole)
}
