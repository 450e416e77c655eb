/** Loaded into the gateway's process before it starts: answers how long its event loop was blocked. */

/** What the event loop did since the last question. */
export interface LoopReport {
  /** Longest time in milliseconds in which it computed without looking at anything else; waiting for a CPU is none. */
  readonly blockedMs: number
}

const EVERY_MS = 5
let longest = 0
let last = cpuMs()

setInterval(() => {
  const now = cpuMs()
  longest = Math.max(longest, now - last)
  last = now
}, EVERY_MS).unref()

process.on('message', () => {
  process.send?.({ blockedMs: Math.round(longest) } satisfies LoopReport)
  longest = 0
})
process.channel?.unref()

/** What this thread has computed, in milliseconds. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
