import { open } from 'node:fs/promises'
import { encodeLines } from '../record-lines.ts'

/** Appends lines that no store will take to a file that nothing reads, and returns how many bytes they are. */
export async function quarantine(path: string, lines: readonly string[]): Promise<number> {
  const text = encodeLines(lines)
  const file = await open(path, 'a', 0o600)
  try {
    await file.appendFile(text)
    await file.datasync()
  } finally {
    await file.close()
  }
  return text.length
}
