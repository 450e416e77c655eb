/** Whether soaks have their full size: `SOAK=full`, as in CI. */
export const isFullSoak = process.env['SOAK'] === 'full'

/** How often a soak does something: `full` times with `SOAK=full`, `short` times otherwise. */
export function soak(full: number, short: number): number {
  return isFullSoak ? full : short
}
