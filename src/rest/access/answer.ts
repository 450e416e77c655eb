import { z } from 'zod'

const place = {
  document: z
    .string()
    .nullable()
    .describe('The document that says so, `servers/<tenant>/<name>` for example'),
  field: z.string().nullable().describe('Path of the field in the document'),
  value: z.unknown().describe('What stands there'),
}

const roles = z.union([z.array(z.string()), z.object({ allOf: z.array(z.string()) })])

/** Why a caller may or may not use something. */
export const explanationAnswer = z.object({
  effect: z.enum(['allow', 'deny']).describe('What the rules say'),
  ruleId: z.string().describe('The rule that decided; docs/access.md has them all'),
  callable: z.boolean().describe('Whether a call would reach the server now'),
  principal: z.object({
    tenantId: z.string(),
    subject: z.string().optional(),
    agent: z.string().nullable(),
    roles: z.array(z.string()),
    scopes: z.array(z.string()),
  }),
  target: z.object({
    kind: z.enum(['server', 'tool', 'prompt', 'resource']),
    name: z.string(),
    server: z.string().optional(),
    tenantId: z.string().optional(),
    ownName: z.string().optional().describe("The server's own name of it"),
  }),
  reason: z.object({ ...place, given: z.unknown().describe('What the caller has'), text: z.string() }),
  remedies: z.array(z.string()).describe('What would change the answer'),
  checks: z.array(z.object({ ruleId: z.string(), isMet: z.boolean(), ...place, given: z.unknown() })),
  whoCan: z
    .object({
      text: z.string(),
      tenantId: z.string(),
      isOffered: z.boolean(),
      roles: z.array(roles).describe('Of each list one role, of each `allOf` every role'),
      agents: z.array(z.string()).nullable().describe('Null for every agent'),
      scopes: z.array(z.string()),
    })
    .nullable(),
  obstacles: z
    .array(
      z.object({
        kind: z.string(),
        isBlocking: z.boolean(),
        ...place,
        text: z.string(),
        remedies: z.array(z.string()),
        retryAfterMs: z.number().optional(),
      }),
    )
    .describe('What keeps a call from succeeding in addition to the rules'),
  suggestions: z.array(z.string()).describe('Names near the one that was asked for'),
})

/** The answer to a question about access. */
export type ExplanationAnswer = z.input<typeof explanationAnswer>
