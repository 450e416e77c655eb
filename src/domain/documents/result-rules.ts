import { z } from 'zod'
import { PatternError } from '../text/linear/pattern-syntax.ts'
import { textMask } from '../text/linear/text-masks.ts'

/** How large a result may be for a model, and how long the whole can be read behind a link. */
export const resultPreview = z
  .strictObject({
    /** Of the result as JSON. */
    aboveBytes: z.int().min(1000).max(100_000_000).optional(),
    /** Estimated: four bytes each. */
    aboveTokens: z.int().min(250).max(25_000_000).optional(),
    keepMs: z.int().min(60_000).max(86_400_000).default(3_600_000),
  })
  .refine(({ aboveBytes, aboveTokens }) => aboveBytes !== undefined || aboveTokens !== undefined, {
    message: 'give aboveBytes or aboveTokens',
  })

/** From which size on a result is given as a preview. */
export type ResultPreview = z.output<typeof resultPreview>

/** Patterns of what is taken out of results; `textMask` says which there are. */
export const resultPatterns = z
  .array(z.string().min(1).max(200))
  .min(1, 'an empty list is refused: leave the field out if nothing is taken out')
  .max(20)
  .superRefine((patterns, context) => {
    try {
      textMask(patterns)
    } catch (error) {
      if (!(error instanceof PatternError)) throw error
      context.addIssue({ code: 'custom', message: error.message })
    }
  })

const BYTES_A_TOKEN = 4

/** The limit of a result in bytes. */
export function previewBytes({ aboveBytes, aboveTokens }: ResultPreview): number {
  return Math.min(aboveBytes ?? Infinity, (aboveTokens ?? Infinity) * BYTES_A_TOKEN)
}

/** How many tokens a text of so many bytes is for a model, roughly. */
export function estimatedTokens(bytes: number): number {
  return Math.ceil(bytes / BYTES_A_TOKEN)
}
