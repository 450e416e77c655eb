import { z } from 'zod'

/** What the file of a sign-in has. */
export const storedCredentials = z.object({
  /** The address that the credentials are for, for people who look into the file. */
  server: z.string(),
  /** The port of this machine that the client was registered with. */
  port: z.number().optional(),
  client: z
    .looseObject({
      client_id: z.string(),
      redirect_uris: z.array(z.string()).optional(),
      scope: z.string().optional(),
    })
    .optional(),
  tokens: z
    .looseObject({
      access_token: z.string(),
      token_type: z.string(),
      refresh_token: z.string().optional(),
      scope: z.string().optional(),
    })
    .optional(),
})

/** What is kept of a sign-in at one server. */
export type StoredCredentials = z.output<typeof storedCredentials>
