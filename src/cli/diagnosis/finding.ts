/** What one check found. */
export interface Finding {
  readonly check: string
  readonly state: 'ok' | 'warning' | 'problem'
  readonly text: string
  /** What to do; absent where nothing is to be done. */
  readonly remedy?: string
}

/** A check that found nothing wrong. */
export function fine(check: string, text: string): Finding {
  return { check, state: 'ok', text }
}

/** Something that is wrong. */
export function problem(check: string, text: string, remedy: string): Finding {
  return { check, state: 'problem', text, remedy }
}

/** Something that is worth knowing. */
export function warning(check: string, text: string, remedy: string): Finding {
  return { check, state: 'warning', text, remedy }
}
