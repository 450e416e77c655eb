import { pino } from 'pino'
import { Catalog } from '../../src/catalog/catalog.ts'
import { PinStore } from '../../src/catalog/pins/pin-store.ts'
import { ToolPins } from '../../src/catalog/pins/tool-pins.ts'
import type { StateStore } from '../../src/state/state-store.ts'
import { FakeClock } from './fake-clock.ts'
import { principal, type server, snapshotOf } from './offers.ts'

/** One replica: a catalog with its pins over the store that all of them share. */
export interface PinReplica {
  readonly catalog: Catalog
  readonly pins: ToolPins
  readonly clock: FakeClock
  readonly lines: unknown[]
  readonly tools: (tenantId?: string) => string[]
}

/** A replica of which the pins have to be closed. */
export function pinReplica(
  store: StateStore,
  definition: ReturnType<typeof server>,
  maxPins?: number,
): PinReplica {
  const clock = new FakeClock()
  const lines: unknown[] = []
  const logger = pino({ base: null }, { write: (line: string) => lines.push(JSON.parse(line)) })
  const pins = new ToolPins({
    store: new PinStore({ store }),
    policy: 'alert',
    ...(maxPins !== undefined && { maxPins }),
    isShared: true,
    onToolChange: () => undefined,
    clock,
    logger,
  })
  const catalog = new Catalog({ pins })
  pins.onPins((key) => catalog.recheck(key))
  catalog.applySnapshot(snapshotOf(definition))
  const tools = (tenantId = 'acme'): string[] =>
    catalog.viewOf(principal({ tenantId })).tools.map(({ shownAs }) => shownAs)
  return { catalog, pins, clock, lines, tools }
}
