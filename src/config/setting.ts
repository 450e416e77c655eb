import { z } from 'zod'
import type { Kind, TextSchema } from './values.ts'

/** What documentation and problems say about a setting. */
export interface SettingNotes {
  readonly meaning: string
  readonly expected: string
  /** The default in words, where it depends on other settings. */
  readonly fallback: string
  readonly isSecret: boolean
}

const NOTES = z.registry<SettingNotes>()

/** A setting whose default is the text that one would write. */
export function setting<S extends TextSchema>(
  kind: Kind<S>,
  fallback: z.input<S>,
  meaning: string,
): z.ZodPrefault<S> {
  const notes = { ...notesFor(kind, meaning), fallback: `\`${fallback}\`` }
  const schema = z.prefault(kind.schema, fallback)
  NOTES.add(schema, notes)
  return schema
}

/** A setting without a default; `fallback` describes what happens without it. */
export function optional<S extends TextSchema>(
  kind: Kind<S>,
  fallback: string,
  meaning: string,
): z.ZodOptional<S> {
  const schema = z.optional(kind.schema)
  NOTES.add(schema, { ...notesFor(kind, meaning), fallback })
  return schema
}

function notesFor(
  { expected, isSecret = false }: Kind<TextSchema>,
  meaning: string,
): Omit<SettingNotes, 'fallback'> {
  return { meaning, expected, isSecret }
}

/** What documentation and problems say about a setting. @throws TypeError for any other schema */
export function notesOf(schema: z.ZodType): SettingNotes {
  const notes = NOTES.get(schema)
  if (notes === undefined) throw new TypeError('not a setting')
  return notes
}
