import { z } from 'zod'

const names = z.array(z.string())

/** What a person allowed a client. */
export const grantSchema = z.object({
  id: z.string(),
  tenantId: z.string(),
  subject: z.string(),
  /** The person's roles at their last sign-in. */
  roles: names,
  clientId: z.string(),
  clientName: z.string(),
  /** The agent name that the client's tokens have. */
  agent: z.string(),
  redirectUri: z.string(),
  resources: names,
  scopes: names,
  /** Times are milliseconds since the epoch. */
  createdAt: z.number(),
  lastUsedAt: z.number(),
  expiresAt: z.number(),
})

/** What a person allowed a client. Never has a token. */
export type Grant = Readonly<z.output<typeof grantSchema>>
