import type { z } from 'zod'
import { problemsOf } from '../domain/documents/problems.ts'
import { combinationProblems, type SettingProblem } from './combinations.ts'
import { settingsSchema } from './schema.ts'
import { notesOf } from './setting.ts'
import { type Settings, settingsOf } from './settings.ts'

/** Settings that cannot be used; the message has a line for each problem. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
  readonly problems: readonly SettingProblem[]

  constructor(problems: readonly SettingProblem[]) {
    super(problems.map(lineOf).join('\n'))
    this.problems = problems
  }
}

/**
 * Reads the settings from environment variables; an empty one counts as not set.
 * @throws SettingsError with every problem at once
 */
export function loadSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const texts = new Map(
    Object.keys(settingsSchema.shape)
      .map((name) => [name, env[name] ?? ''] as const)
      .filter(([, text]) => text.trim() !== ''),
  )
  const issues = settingsSchema.safeParse(Object.fromEntries(texts)).error?.issues ?? []
  const wrong = new Set(issues.map((issue) => String(issue.path[0])))
  const usable = [...texts].filter(([name]) => !wrong.has(name))
  const values = settingsSchema.parse(Object.fromEntries(usable))
  const problems = [
    ...Object.entries(settingsSchema.shape)
      .filter(([name]) => wrong.has(name))
      .flatMap(([name, schema]) => problemsOfSetting(name, schema, texts.get(name) ?? '')),
    ...combinationProblems({ values, given: new Set(texts.keys()), wrong }),
  ]
  if (problems.length > 0) throw new SettingsError(problems)
  return settingsOf(values)
}

function problemsOfSetting(name: string, schema: z.ZodType, text: string): SettingProblem[] {
  const { expected } = notesOf(schema)
  if (name !== 'OIDC_ISSUERS') return [{ name, expected, ...shown(text) }]
  const { error } = schema.safeParse(text)
  return problemsOf(error ?? { issues: [] }).map((problem) => ({
    name: `${name}${problem.path === '' || problem.path.startsWith('[') ? '' : '.'}${problem.path}`,
    expected: problem.path === '' ? `${expected} (${problem.text})` : problem.text,
  }))
}

/** The value, unless it is long or may carry a password: URLs do, and so does what was pasted by mistake. */
function shown(text: string): { got?: string } {
  return /^[\w.,:*+ -]{1,20}$/.test(text) ? { got: text } : {}
}

function lineOf({ name, expected, got }: SettingProblem): string {
  return `${name}: expected ${expected}${got === undefined ? '' : `, got ${JSON.stringify(got)}`}`
}
