/**
 * What can hide instructions in a text that a model reads and a person approves: control characters, characters that
 * turn the direction of text, tag characters, zero-width characters, and variation selectors behind others, with which
 * whole texts are smuggled. Joiners, which scripts and emoji need, and a single variation selector stay.
 */
export const HIDING =
  /[\u{34f}\u{ad}\u{61c}\u{180e}\u{200b}\u{200e}\u{200f}\u{2028}-\u{202e}\u{2060}-\u{206f}\u{feff}\u{fff9}-\u{fffb}\u{e0000}-\u{e0fff}[\p{Cc}--[\t\n\r]]]|(?<=\p{Variation_Selector})\p{Variation_Selector}/gv

/** A third-party text for a model: without what hides, and cut after `max` characters. */
export function modelText(text: string, max: number): string {
  const clean = text.replace(HIDING, '')
  if (clean.length <= max) return clean
  // Not between the two halves of one character.
  return `${clean.slice(0, max - 1).replace(/[\ud800-\udbff]$/, '')}…`
}
