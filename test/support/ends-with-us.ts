import type { ChildProcess } from 'node:child_process'
import { Socket } from 'node:net'

/** Lets a child not outlive this process: a test that fails may never come to where it ends its child. */
export function endsWithUs(child: ChildProcess): void {
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)
  child.once('exit', () => process.off('exit', kill))
  // Jest keeps a worker while tests run, and then ends one that something else keeps, without telling it.
  if (process.env['JEST_WORKER_ID'] === undefined) return
  child.unref()
  for (const pipe of child.stdio) if (pipe instanceof Socket) pipe.unref()
}
