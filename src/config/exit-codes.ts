/** Exit codes of the gateway's process, after sysexits.h. */
export const EXIT = { ok: 0, unavailable: 69, internal: 70, config: 78 } as const
