import type { Target } from './target.ts'
import { addresses } from './targets/addresses.ts'
import { cursors } from './targets/cursors.ts'
import { directHeads } from './targets/direct-heads.ts'
import { directRequests } from './targets/direct-requests.ts'
import { eventLimits } from './targets/event-limits.ts'
import { events } from './targets/events.ts'
import { jsonScan } from './targets/json-scan.ts'
import { names } from './targets/names.ts'
import { notifications } from './targets/notifications.ts'
import { rawJson } from './targets/raw-json.ts'
import { registry } from './targets/registry.ts'
import { seals } from './targets/seals.ts'
import { stdioFraming } from './targets/stdio-framing.ts'

/** All that is fuzzed. */
export const TARGETS: readonly Target[] = [
  stdioFraming,
  events,
  eventLimits,
  rawJson,
  jsonScan,
  notifications,
  directHeads,
  directRequests,
  names,
  cursors,
  addresses,
  registry,
  seals,
]
