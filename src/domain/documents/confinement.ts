import { z } from 'zod'

const KIB = 1024
const MIB = 1024 * KIB
const GIB = 1024 * MIB
const folders = z
  .array(
    z
      .string()
      .max(4096)
      .regex(/^\/[^\0]*$/, 'not an absolute path'),
  )
  .max(50)
  .default([])

/** What a program may use up; each process that it starts has the same limits. */
export const resourceLimits = z.strictObject({
  openFiles: z.int().min(16).max(1_048_576).optional(),
  /** Processes and threads of the user that runs the gateway, those of others included. */
  processes: z.int().min(1).max(1_000_000).optional(),
  fileBytes: z
    .int()
    .min(4 * KIB)
    .max(1024 * GIB)
    .optional(),
  memoryBytes: z
    .int()
    .min(16 * MIB)
    .max(1024 * GIB)
    .optional(),
  cpuSeconds: z.int().min(1).max(10_000_000).optional(),
})

/** A sandbox without network, with a root that is read-only, and without the folders of the gateway and of users. */
export const sandbox = z.strictObject({
  network: z.boolean().default(false),
  /** Folders and files that are hidden otherwise. */
  readable: folders,
  writable: folders,
})

/** A checked `limits` of a server document. */
export type ResourceLimits = z.output<typeof resourceLimits>
/** A checked `sandbox` of a server document. */
export type Sandbox = z.output<typeof sandbox>
