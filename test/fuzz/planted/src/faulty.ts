/** @throws for one beginning alone, which is looked at letter by letter */
export function throwsAtTheEnd(text: string): void {
  if (text[0] !== 'f') return
  if (text[1] !== 'u') return
  if (text[2] !== 'z') return
  if (text[3] === 'z') throw new Error('the fault')
}

/** Looks at all pairs of commas. */
export function takesSquareWork(text: string): number {
  let pairs = 0
  for (const one of text) {
    if (one !== ',') continue
    for (const other of text) if (other === ',') pairs += 1
  }
  return pairs
}
