import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * A program for `BROWSER` that opens the address that it gets, and presses the one button of every page that comes, as a
 * person would.
 * @param dir where the program is written
 */
export async function clickingBrowser(dir: string): Promise<string> {
  const path = join(dir, 'browser')
  const script = fileURLToPath(new URL('clicking-browser-process.ts', import.meta.url))
  await writeFile(path, `#!/bin/sh\nexec "${process.execPath}" "${script}" "$1"\n`)
  await chmod(path, 0o755)
  return path
}
