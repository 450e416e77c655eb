import { z } from 'zod'
import { PatternError } from '../text/linear/pattern-syntax.ts'
import { PatternWork } from '../text/linear/pattern-work.ts'
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

/** Patterns of what is taken out of results; `patternProblems` says what is wrong with them. */
export const resultPatterns = z
  .array(z.string().min(1).max(200))
  .min(1, 'an empty list is refused: leave the field out if nothing is taken out')
  .max(20)

const BYTES_A_TOKEN = 4

/**
 * What is wrong with the patterns of a document's tools, by key. The work of compiling them all is limited, and equal
 * ones count once.
 */
export function patternProblems(
  tools: Readonly<Record<string, { readonly redact?: readonly string[] | undefined }>>,
): { readonly path: string[]; readonly message: string }[] {
  const work = new PatternWork()
  const seen = new Set<string>()
  return Object.entries(tools).flatMap(([key, { redact = [] }]) => {
    if (work.isTooMuch) return []
    const fresh = redact.filter((pattern) => !seen.has(pattern))
    for (const pattern of fresh) seen.add(pattern)
    try {
      textMask(fresh, work)
      return []
    } catch (error) {
      if (!(error instanceof PatternError)) throw error
      return [{ path: [key, 'redact'], message: error.message }]
    }
  })
}

/** The limit of a result in bytes. */
export function previewBytes({ aboveBytes, aboveTokens }: ResultPreview): number {
  return Math.min(aboveBytes ?? Infinity, (aboveTokens ?? Infinity) * BYTES_A_TOKEN)
}

/** How many tokens a text of so many bytes is for a model, roughly. */
export function estimatedTokens(bytes: number): number {
  return Math.ceil(bytes / BYTES_A_TOKEN)
}
