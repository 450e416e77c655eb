/** Where the authorization server answers, below PUBLIC_URL. */
export const ENDPOINTS = {
  authorization: '/oauth/authorize',
  token: '/oauth/token',
  revocation: '/oauth/revoke',
  registration: '/oauth/register',
  jwks: '/oauth/jwks',
  interaction: '/oauth/interaction',
} as const

/** The scope that every client gets: what the person's roles and the rules of the operator allow. */
export const BASE_SCOPE = 'mcp'
