import { z } from 'zod'
import { setting } from '../setting.ts'
import { items, oneOf } from '../values.ts'
import { PACKAGE_PATTERN } from './install.ts'

const PROGRAM = /^\/[^\0]*$/

const programs = {
  schema: items.pipe(
    z
      .array(
        z
          .string()
          .max(4096)
          .refine((text) => PROGRAM.test(text) || PACKAGE_PATTERN.test(text)),
      )
      .max(500),
  ),
  expected:
    'absolute paths of programs, and names of npm packages in which `*` stands for any characters, separated by commas',
}

/** Environment variables of the programs that documents have started. */
export const programsSection = {
  STDIO_SERVERS: setting(
    oneOf(['auto', 'any', 'allowlist', 'off']),
    'auto',
    'Which programs documents may have started: `any`; `allowlist`: those of STDIO_ALLOWLIST, each in its own folder and without variables that make it run other code; `off`: none; `auto`: `allowlist` when STORE is `firestore`, else `any`.',
  ),
  STDIO_ALLOWLIST: setting(
    programs,
    '',
    'Programs that may be started when STDIO_SERVERS is `allowlist`: the `command` of a document as it stands there, or its `package`. Interpreters and shells run any code, so do not list them.',
  ),
  STDIO_SANDBOX: setting(
    oneOf(['optional', 'required']),
    'optional',
    'Whether every program runs in a sandbox of bwrap, or only those whose document has `sandbox`.',
  ),
}
