import { open } from 'node:fs/promises'

/** Appends lines that no store will take to a file that nothing reads, and returns how many bytes they are. */
export async function quarantine(path: string, lines: readonly string[]): Promise<number> {
  const text = Buffer.from(lines.map((line) => `${line}\n`).join(''))
  const file = await open(path, 'a', 0o600)
  try {
    await file.appendFile(text)
    await file.datasync()
  } finally {
    await file.close()
  }
  return text.length
}
