import { z } from 'zod'
import { documentName, documentOwner } from './document-fields.ts'
import { ALL_TENANTS } from '../principal.ts'

const optionValue = z.union([z.number(), z.boolean(), z.string().max(1000), z.array(z.string().max(1000))])

/** A document of `enhancement_rules`: how the prompts of some clients are improved. */
export const enhancementRuleSchema = z.strictObject({
  name: documentName,
  tenantId: documentOwner,
  description: z.string().max(4000).optional(),
  /** Names of clients, in any case; `*` stands for any characters. Absent: every client that no other rule names. */
  clients: z.array(z.string().trim().min(1).max(128)).min(1).max(100).optional(),
  /** False: the prompts of these clients stay as they are. */
  enabled: z.boolean().default(true),
  model: z.string().trim().min(1).max(256),
  /** What the model is told to do with a prompt. */
  systemPrompt: z.string().min(1).max(32_768),
  /** Options of the model as Ollama knows them, for example `temperature`. */
  options: z.record(z.string().min(1).max(64), optionValue).default({}),
})

/** A checked document of `enhancement_rules`. */
export type EnhancementRule = z.output<typeof enhancementRuleSchema>

/** The rules of the registry that concern a tenant: its own, and those for all. */
export function rulesFor(rules: Iterable<EnhancementRule>, tenantId: string): EnhancementRule[] {
  return [...rules].filter((rule) => rule.tenantId === tenantId || rule.tenantId === ALL_TENANTS)
}
