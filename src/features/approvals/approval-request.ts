import { z } from 'zod'

const person = z.object({ subject: z.string(), agent: z.string().optional() })

/** What is kept of a request for approval: what it is about, and what has become of it. Without the arguments. */
export const storedRequest = z.object({
  id: z.string(),
  tenantId: z.string(),
  requester: person.extend({ issuer: z.string(), client: z.string().optional() }),
  /** Name of the server, and its own name for the tool. */
  server: z.string(),
  tool: z.string(),
  rule: z.enum(['caller', 'second-person']),
  /** Of everything that the approval is bound to. */
  binding: z.string(),
  argumentBytes: z.number(),
  createdAt: z.number(),
  /** When it can no longer be answered, or the approval no longer be used. */
  expiresAt: z.number(),
  status: z.enum(['open', 'approved', 'denied', 'used']),
  answer: person.extend({ at: z.number(), reason: z.string().optional() }).optional(),
  usedAt: z.number().optional(),
  /** Proves the next round of a call that asked its client something after it was approved. */
  nextRound: z.string().optional(),
})

/**
 * A request for the approval of one call. Times are milliseconds since the epoch. `open` until it is answered;
 * `approved` until the call has been made, which makes it `used`, or the approval expires.
 */
export type ApprovalRequest = z.output<typeof storedRequest>

/** What a person says. */
export type Verdict = 'approved' | 'denied'

/** What happens to requests; `returned`: a call that had used its approval up could not be sent. */
export type ApprovalEvent = 'requested' | 'approved' | 'denied' | 'used' | 'returned'

/** Hears of each event in the process where it happens. */
export type OnApprovalEvent = (event: ApprovalEvent, request: ApprovalRequest) => void
