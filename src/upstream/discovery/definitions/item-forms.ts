import { z } from 'zod'
import { isJsonObject } from '../../../domain/json/json.ts'
import {
  choice,
  expected,
  filledText,
  flag,
  type Form,
  list,
  memberPlace,
  number,
  object,
  sameOr,
  text,
} from './form.ts'
import { argumentsSchema, resultSchema } from './schemas.ts'

const time = z.iso.datetime({ offset: true })

const icons = list(
  object({ mimeType: text, sizes: list(text), theme: choice('light', 'dark') }, { src: text }),
)
const annotations = object({
  audience: list(choice('user', 'assistant')),
  priority: expected(
    'a number from 0 to 1',
    (value) => typeof value === 'number' && value >= 0 && value <= 1,
  ),
  lastModified: expected('an ISO 8601 time', (value) => time.safeParse(value).success),
})
const described = { title: text, description: text, icons, _meta: object() }

/**
 * The form that a tool has to have for official clients of every revision: one that has another makes them refuse the
 * whole list that it is in.
 */
export const toolForm: Form = object(
  {
    ...described,
    outputSchema: resultSchema,
    annotations: object({
      title: text,
      readOnlyHint: flag,
      destructiveHint: flag,
      idempotentHint: flag,
      openWorldHint: flag,
    }),
    execution: object({ taskSupport: choice('required', 'optional', 'forbidden') }),
  },
  { name: filledText, inputSchema: argumentsSchema },
)

/** The same for a resource. */
export const resourceForm: Form = object(
  { ...described, mimeType: text, size: number, annotations },
  { name: text, uri: filledText },
)

/** The same for a resource template. */
export const templateForm: Form = object(
  { ...described, mimeType: text, annotations },
  { name: text, uriTemplate: filledText },
)

const prompt = object(described, { name: filledText })
const promptArguments = list(object({ description: text, required: flag }, { name: text }))

/** The same for a prompt. Nothing can be made of one whose arguments cannot be read. */
export const promptForm: Form = (value, place, issues) => {
  const kept = prompt(value, place, issues)
  if (!isJsonObject(kept) || kept['arguments'] === undefined) return kept
  const { arguments: given, ...rest } = kept
  const taken = promptArguments(given, memberPlace(place, 'arguments'), issues)
  if (given === null) return rest
  return taken && sameOr(kept, { ...kept, arguments: taken })
}

/** The form of a task of 2025-11-25 for clients that list them. */
export const taskForm: Form = object(
  { pollInterval: number, statusMessage: text },
  {
    taskId: text,
    status: choice('working', 'input_required', 'completed', 'failed', 'cancelled'),
    ttl: expected('a number or null', (value) => value === null || Number.isFinite(value)),
    createdAt: text,
    lastUpdatedAt: text,
  },
)
