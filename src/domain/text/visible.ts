/**
 * Characters that a person does not see, and a model reads: control, format (bidirectional, zero-width and tag
 * characters among them), private and unassigned characters, variation selectors, and blanks that are none.
 */
const INVISIBLE =
  /[[\p{C}\p{Zl}\p{Zp}\p{Variation_Selector}\u{34f}\u{115f}\u{1160}\u{3164}\u{ffa0}]--[\n\t]]/gv

/** A text with a code in place of each character that cannot be seen: `<U+202E>` for example. */
export function visible(text: string): string {
  return text.replace(
    INVISIBLE,
    (found) => `<U+${(found.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}>`,
  )
}
