import { builtinDefinition } from '../../domain/documents/server-definition.ts'
import { z } from 'zod'
import type { Clock } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { ALL_TENANTS } from '../../domain/principal.ts'
import type { Enhancer } from './enhancer.ts'
import { clientNameOf } from '../../calls/client/client-name.ts'
import { type BuiltinCall, type BuiltinSource, type BuiltinTool } from '../builtin/builtin-server.ts'

/** The enhancer's tool, as callers know it. */
export const ENHANCE_TOOL = 'gateway_enhance_prompt'
/** Longest prompt that is taken, in UTF-16 code units. */
export const MAX_PROMPT = 200_000
/** Longest name of a client that is taken, in UTF-16 code units. */
export const MAX_CLIENT = 128

const enhanceArguments = z.strictObject({
  prompt: z.string().min(1).max(MAX_PROMPT),
  client: z.string().min(1).max(MAX_CLIENT).optional(),
})

/** Time that is left for the answer when the model is no longer waited for. */
const SHARE_OF_TIME = 0.9

interface EnhanceToolOptions {
  readonly enhancer: Pick<Enhancer, 'enhance' | 'isOn'>
  /** A caller needs one of them; empty: no role is needed. */
  readonly roles: readonly string[]
  readonly clock: Clock
}

/** The server `gateway` for all tenants, with the tool `enhance_prompt`; none where nothing is enhanced. */
export function enhanceSource(options: EnhanceToolOptions): BuiltinSource {
  const server = {
    definition: builtinDefinition({
      name: 'gateway',
      tenantId: ALL_TENANTS,
      description: 'Tools of the gateway itself.',
      ...(options.roles.length > 0 && { requiredRoles: [...options.roles] }),
    }),
    tools: [enhanceTool(options)],
  }
  return () => (options.enhancer.isOn ? [server] : [])
}

function enhanceTool(options: EnhanceToolOptions): BuiltinTool {
  return {
    definition: {
      name: 'enhance_prompt',
      title: 'Enhance a prompt',
      description:
        'Improves a prompt with a local model, using the rule for the calling client. If that is not possible, the prompt is returned unchanged with the reason.',
      inputSchema: {
        type: 'object',
        properties: {
          prompt: {
            type: 'string',
            minLength: 1,
            maxLength: MAX_PROMPT,
            description: 'The prompt to improve',
          },
          client: {
            type: 'string',
            minLength: 1,
            maxLength: MAX_CLIENT,
            description: 'Name of the client whose rule applies; by default that of the caller',
          },
        },
        required: ['prompt'],
        additionalProperties: false,
      },
      outputSchema: {
        type: 'object',
        properties: {
          prompt: { type: 'string' },
          enhanced: { type: 'boolean' },
          model: { type: 'string', description: 'The model that improved the prompt' },
          cached: { type: 'boolean', description: 'Whether the result came from the cache' },
          reason: { type: 'string', description: 'Why the prompt was returned unchanged' },
        },
        required: ['prompt', 'enhanced'],
      },
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    run: (call) => enhance(options, call),
  }
}

async function enhance(
  { enhancer, clock }: EnhanceToolOptions,
  { call, arguments: given, signal, deadlineAt }: BuiltinCall,
): Promise<JsonObject> {
  const { prompt, client } = checked(given)
  const { caller, operation } = call
  const { onProgress } = operation
  let progress = 0
  const result = await enhancer.enhance({
    tenantId: caller.principal.tenantId,
    client: client ?? clientNameOf(caller, operation),
    prompt,
    signal,
    withinMs: Math.max(1, (deadlineAt - clock.monotonic()) * SHARE_OF_TIME),
    onText: onProgress && ((piece) => onProgress({ progress: (progress += piece.length), message: piece })),
  })
  return { content: [{ type: 'text', text: result.prompt }], structuredContent: { ...result } }
}

/** @throws GatewayError `invalid_arguments` */
function checked(given: JsonObject): z.output<typeof enhanceArguments> {
  const { data, error } = enhanceArguments.safeParse(given)
  if (data !== undefined) return data
  const problems = error.issues.map(({ path, message }) => ['arguments', ...path].join('.') + ` ${message}`)
  const facts = { server: 'gateway', mayHaveExecuted: false, problems }
  throw new GatewayError('invalid_arguments', problems.join('; '), { facts })
}
